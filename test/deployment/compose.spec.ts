import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readOptions } from '../../src/config/read-options.js';
import { knownNames } from '../../src/config/check-names.js';
import { OPTIONS_CLASSES } from '../../src/options-classes.js';
import { DeliveryOptions } from '../../src/delivery/delivery.options.js';
import { Workplace } from '../support/servers/collector.js';

interface Service {
  readonly environment?: Readonly<Record<string, string>>;
  readonly env_file?: string;
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly healthcheck?: object;
  readonly image: string;
  readonly logging?: object;
  readonly restart?: string;
  readonly stop_grace_period?: string;
  readonly mem_limit?: string;
  readonly [key: string]: unknown;
}

const text = await readFile('docker-compose.yml', 'utf8');
const compose = parse(text, { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
  readonly networks: object;
};
const { services } = compose;

function service(name: string): Service {
  const found = services[name];
  if (!found) {
    throw new Error(`docker-compose.yml has no service ${name}`);
  }
  return found;
}

describe('docker-compose.yml', () => {
  it('is valid by the Compose Specification', async () => {
    // Of compose-go 2.16.2 (Apache-2.0), the library that Docker Compose reads its files with.
    const schema = JSON.parse(
      await readFile('test/deployment/compose-spec.json', 'utf8'),
    ) as object;
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const validate = ajv.compile(schema);

    validate(compose);
    expect(validate.errors).toBeNull();
    expect(validate({ services: { gotrack: { prots: [] } } })).toBe(false);
  });

  it('names only services, volumes, networks and files that there are', () => {
    for (const { depends_on, volumes, networks, env_file } of Object.values(services)) {
      for (const other of Object.keys(depends_on ?? {})) {
        expect(Object.keys(services)).toContain(other);
      }
      for (const network of networks ?? []) {
        expect(Object.keys(compose.networks)).toContain(network);
      }
      for (const source of (volumes ?? []).map((volume) => volume.split(':')[0] ?? '')) {
        if (source.startsWith('./')) {
          expect(source).toSatisfy(existsSync);
        } else {
          expect(Object.keys(compose.volumes)).toContain(source);
        }
      }
      expect(env_file === undefined || existsSync(env_file)).toBe(true);
    }
  });

  it('waits for nothing that never says that it is healthy', () => {
    for (const { depends_on } of Object.values(services)) {
      for (const [other, { condition }] of Object.entries(depends_on ?? {})) {
        const { healthcheck, restart } = service(other);
        if (condition === 'service_healthy') {
          expect(healthcheck).toBeDefined();
        }
        if (condition === 'service_completed_successfully') {
          expect(restart).toBeUndefined();
        }
      }
    }
  });

  it('publishes the collector, Prometheus and Grafana to loopback, and nothing else', () => {
    const published = Object.entries(services).flatMap(([name, { ports }]) =>
      (ports ?? []).map((port) => `${name} ${port}`),
    );
    expect(published).toEqual([
      'gotrack 19890:19890',
      'prometheus 127.0.0.1:9091:9090',
      'grafana 127.0.0.1:3000:3000',
    ]);
  });

  it('lets Prometheus and Grafana reach no datastore, and the datastores no metrics', () => {
    for (const name of ['prometheus', 'grafana']) {
      expect(service(name).networks).toEqual(['monitoring']);
    }
    for (const name of ['postgres', 'kafka']) {
      expect(service(name).networks).toEqual(['sinks']);
    }
  });

  it('pins each image that is not ours, bounds every log, and holds no secret', () => {
    for (const { image, logging } of Object.values(services)) {
      expect(image).toMatch(/^gotrack:latest$|:v?\d/);
      expect(logging).toBeDefined();
    }
    expect(text).not.toMatch(/^\s*\w*(?:PASSWORD|SECRET|DSN|TOKEN)\w*:(?! \/run\/credentials\/)/m);
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
      const given = service('gotrack').environment ?? {};
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
