import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { parse as parseEnvironment } from 'dotenv';
import { parse } from 'yaml';

type EnvFile = string | { readonly path: string; readonly required?: boolean };

export interface Service {
  readonly environment?: Readonly<Record<string, string>>;
  readonly env_file?: EnvFile | readonly EnvFile[];
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly command?: readonly string[];
  readonly image: string;
  readonly logging?: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
  };
  readonly restart?: string;
  readonly stop_grace_period?: string;
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly cpus?: number;
  readonly [key: string]: unknown;
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
  readonly networks: Readonly<
    Record<string, { ipam?: { config: readonly { subnet: string }[] } } | null>
  >;
}

/** With the defaults of what the shell and `.env` may name; a default may name another. */
export function interpolated(text: string): string {
  const replaced = text.replaceAll(/\$\{\w+:-([^${}]*)\}/g, '$1');
  return replaced === text ? text : interpolated(replaced);
}

/** What the files are together, as `docker compose -f … -f …` takes them. */
export async function readProject(...paths: readonly string[]): Promise<Compose> {
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  const removed = (text: string): string => text.replaceAll(/!reset (?:\[\]|null)/g, `'${RESET}'`);
  return texts
    .map((text): unknown => parse(removed(interpolated(text)), { merge: true }))
    .reduce((base, override) => merge(base, override)) as Compose;
}

/** Stands for the tag `!reset`. */
const RESET = '(reset)';

/** Compose takes these lists from the later file; it joins others. */
const REPLACED_LISTS = new Set(['command', 'entrypoint', 'test']);

function merge(base: unknown, override: unknown, key?: string): unknown {
  if (Array.isArray(base) && Array.isArray(override)) {
    return REPLACED_LISTS.has(key ?? '')
      ? override
      : [...(base as unknown[]), ...(override as unknown[])];
  }
  if (!isMap(base) || !isMap(override)) {
    return override;
  }
  const merged = new Map(Object.entries(base));
  for (const [name, value] of Object.entries(override)) {
    if (value === RESET) {
      merged.delete(name);
    } else {
      merged.set(name, merged.has(name) ? merge(merged.get(name), value, name) : value);
    }
  }
  return Object.fromEntries(merged);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function serviceOf({ services }: Compose, name: string): Service {
  const found = services[name];
  if (!found) {
    throw new Error(`there is no service ${name}`);
  }
  return found;
}

/** The services that run GoTrack, by name. */
export function instancesOf({ services }: Compose): readonly (readonly [string, Service])[] {
  return Object.entries(services).filter(([, { image }]) => image.startsWith('gotrack:'));
}

export function envFiles({ env_file: files = [] }: Service): {
  path: string;
  required: boolean;
}[] {
  return [files]
    .flat()
    .map((file) =>
      typeof file === 'string'
        ? { path: file, required: true }
        : { path: file.path, required: file.required ?? true },
    );
}

/** What its process gets, without the operator's own file. */
export async function environmentOf(of: Service): Promise<Record<string, string>> {
  const given = envFiles(of).filter(({ required }) => required);
  const files = await Promise.all(given.map(({ path }) => readFile(path, 'utf8')));
  return Object.assign(
    {},
    ...files.map((text) => parseEnvironment(interpolated(text))),
    of.environment,
  ) as Record<string, string>;
}

/** Each port of the host, after the name of its service. */
export const published = (of: Compose): readonly string[] =>
  Object.entries(of.services).flatMap(([name, { ports }]) =>
    (ports ?? []).map((port) => `${name} ${port}`),
  );

/** What the service `credentials` does, with ids that the user of the test may give files to. */
export function makeCredentials(directory: string): void {
  const uid = String(process.getuid?.());
  const env = {
    PATH: process.env['PATH'],
    CREDENTIALS: directory,
    POSTGRES_UID: uid,
    GOTRACK_UID: uid,
    GRAFANA_UID: uid,
  };
  execFileSync('sh', ['config/compose/make-credentials.sh'], { env });
}
