import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Caddy, findCaddy } from '../support/servers/caddy.js';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { freePort } from '../support/servers/free-port.js';
import { KafkaBroker } from '../support/servers/kafka-broker.js';
import { KafkaProcess } from '../support/servers/kafka-process.js';
import {
  environmentOf,
  instancesOf,
  readProject,
  type Service,
  serviceOf,
} from './compose-files.js';

const fleet = await readProject('docker-compose.yml', 'docker-compose.fleet.yml');
const withRole = (role: string): readonly (readonly [string, Service])[] =>
  instancesOf(fleet).filter(([, { environment }]) => environment?.['ROLE'] === role);
const [ingesting, delivering] = [withRole('ingest'), withRole('deliver')];
const brokers = Object.entries(fleet.services).filter(([, { image }]) =>
  image.startsWith('apache/kafka:'),
);
const nodeId = ({ environment }: Service): string => environment?.['KAFKA_NODE_ID'] ?? '';

describe('docker-compose.fleet.yml', () => {
  it('has two instances that take events and two that deliver them, and no other', () => {
    expect(ingesting.map(([name]) => name)).toEqual(['ingest-1', 'ingest-2']);
    expect(delivering.map(([name]) => name)).toEqual(['deliver-1', 'deliver-2']);
    expect(instancesOf(fleet)).toHaveLength(4);
  });

  it('gives those that take events neither a secret nor a way to the database', async () => {
    for (const [, ingest] of ingesting) {
      expect(ingest.networks?.toSorted()).toEqual(['edge', 'monitoring', 'queue']);
      expect(ingest.volumes?.filter((volume) => volume.startsWith('credentials:'))).toEqual([]);
      expect(await environmentOf(ingest)).toMatchObject({ PG_DSN_FILE: '' });
    }
  });

  it('lets no client reach those that deliver', () => {
    for (const [, { networks = [] }] of delivering) {
      expect(networks.toSorted()).toEqual(['monitoring', 'queue', 'sinks']);
    }
  });

  it('gives each that delivers a name that it keeps', () => {
    for (const [name, { environment }] of delivering) {
      expect(environment).toMatchObject({ INSTANCE_ID: name });
    }
  });

  it('names its three brokers wherever they are named', async () => {
    const names = brokers.map(([name]) => name);
    expect(names).toEqual(['kafka-1', 'kafka-2', 'kafka-3']);
    for (const [name, broker] of brokers) {
      expect(broker.environment).toMatchObject({
        KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://${name}:9092`,
        KAFKA_CONTROLLER_QUORUM_VOTERS: brokers
          .map(([other, service]) => `${nodeId(service)}@${other}:9093`)
          .join(),
      });
      expect(broker.volumes).toContain(`${name}:${broker.environment?.['KAFKA_LOG_DIRS']}`);
    }
    for (const [, instance] of instancesOf(fleet)) {
      expect(await environmentOf(instance)).toMatchObject({
        KAFKA_BROKERS: names.map((name) => `${name}:9092`).join(),
      });
    }
  });

  it('lets instances start once the topics are there', async () => {
    for (const [, { depends_on }] of instancesOf(fleet)) {
      expect(depends_on).toMatchObject({ 'kafka-1': { condition: 'service_healthy' } });
    }
    const [, ...command] = serviceOf(fleet, 'kafka-1').healthcheck?.test ?? [];
    const directory = await mkdtemp(join(tmpdir(), 'gotrack-health-'));
    const created = join(directory, 'topics-created');
    const listening = createServer().listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const { port } = listening.address() as AddressInfo;
    const check = async (): Promise<number> => {
      const [program = '', ...args] = command.map((part) =>
        part.replace('9092', String(port)).replace('/tmp/topics-created', created),
      );
      const [code] = (await once(spawn(program, args), 'close')) as [number];
      return code;
    };

    expect(await check()).not.toBe(0);
    await writeFile(created, '');
    expect(await check()).toBe(0);
    listening.close();
    await once(listening, 'close');
    expect(await check()).not.toBe(0);
    await rm(directory, { recursive: true });
    expect(await readFile('config/kafka/start-kafka.sh', 'utf8')).toContain('/tmp/topics-created');
  });
});

/** Not part of a broker's configuration: the image's own scripts read them. */
const FOR_SCRIPTS = new Set(['KAFKA_HEAP_OPTS']);

/** What the image makes of its environment. */
function propertiesOf({ environment = {} }: Service): Record<string, string> {
  const settings = Object.entries(environment).filter(
    ([name]) => name.startsWith('KAFKA_') && !FOR_SCRIPTS.has(name),
  );
  return Object.fromEntries(
    settings.map(([name, value]) => [
      name.slice('KAFKA_'.length).toLowerCase().replaceAll('_', '.'),
      value,
    ]),
  );
}

describe('what docker-compose.fleet.yml describes, as processes of this machine', () => {
  let directory: string;
  /** By host and port in the compose file. */
  let addresses: Map<string, string>;
  let nodes: KafkaProcess[];
  let client: KafkaBroker | undefined;
  let workplaces: Map<string, Workplace>;
  let collectors: Map<string, Collector>;
  let caddy: Caddy | undefined;
  let hasKafka = false;

  const here = (text: string): string =>
    [...addresses].reduce(
      (replaced, [there, address]) => replaced.replaceAll(there, address),
      text,
    );

  async function startBrokers(): Promise<void> {
    nodes = await Promise.all(
      brokers.map(([name, broker]) => {
        const { CLUSTER_ID = '', KAFKA_LISTENERS = '' } = broker.environment ?? {};
        const properties = {
          ...propertiesOf(broker),
          'log.dirs': join(directory, name),
          listeners: KAFKA_LISTENERS.replaceAll(/:(?=\d)/g, `${name}:`),
        };
        const replaced = Object.entries(properties).map(([key, value]) => [key, here(value)]);
        return KafkaProcess.create(
          directory,
          Object.fromEntries(replaced) as Record<string, string>,
          CLUSTER_ID,
        );
      }),
    );
    nodes.forEach((node) => node.start());
    const connected = KafkaBroker.connect([...addresses.values()][0] ?? '');
    client = connected;
    await until(() => {
      nodes.forEach((node) => node.assertRunning());
      return connected.isComplete(brokers.length, []);
    });
    const { TOPICS = '', REPLICAS } = serviceOf(fleet, 'kafka-1').environment ?? {};
    for (const topic of TOPICS.split(' ')) {
      const [name = '', partitions] = topic.split(':');
      await connected.createTopic(name, {
        partitions: Number(partitions),
        replicas: Number(REPLICAS),
      });
    }
  }

  async function startInstances(): Promise<void> {
    for (const [name, instance] of instancesOf(fleet)) {
      const workplace = await Workplace.create();
      workplaces.set(name, workplace);
      const { METRICS_ADDR: _, ...environment } = await environmentOf(instance);
      const replaced = {
        KAFKA_BROKERS: here(environment['KAFKA_BROKERS'] ?? ''),
        OUTPUTS: 'log',
        PG_DSN_FILE: '',
        ...(environment['TRUST_PROXY'] !== undefined && { TRUST_PROXY: '127.0.0.1/32' }),
      };
      collectors.set(name, workplace.launch({ ...environment, ...replaced }));
    }
    await Promise.all([...collectors.values()].map((collector) => collector.ready()));
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gotrack-fleet-'));
    [addresses, nodes, workplaces, collectors] = [new Map(), [], new Map(), new Map()];
    for (const [name] of brokers) {
      for (const port of [9092, 9093]) {
        addresses.set(`${name}:${port}`, `127.0.0.1:${await freePort()}`);
      }
    }
    try {
      await startBrokers();
      hasKafka = true;
    } catch (error) {
      process.stderr.write(`no Kafka cluster to test with: ${String(error)}\n`);
      return;
    }
    await startInstances();
  });
  afterAll(async () => {
    await caddy?.stop();
    await Promise.all([...workplaces.values()].map((workplace) => workplace.remove()));
    await client?.halt();
    await Promise.all(nodes.map((node) => node.halt('SIGKILL')));
    await rm(directory, { recursive: true, force: true });
  });

  it('brings each event from Caddy to one of those that deliver', async ({ skip }) => {
    skip(!hasKafka || !findCaddy(), 'needs Kafka and Caddy');
    const ports = ingesting.map(([name]) => `127.0.0.1:${collectors.get(name)?.port}`);
    caddy = await Caddy.start(
      'config/caddy/balancer.Caddyfile',
      { GOTRACK_UPSTREAMS: ports.join(' ') },
      directory,
    );
    const ids = Array.from({ length: 60 }, (_, index) => `event-${index}`);
    const statuses = await Promise.all(
      ids.map(async (id) => {
        const response = await fetch(`http://127.0.0.1:${caddy?.port}/px.gif?event_id=${id}`);
        await response.arrayBuffer();
        return response.status;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));

    const delivered = async (): Promise<string[]> => {
      const logs = await Promise.all(
        delivering.map(async ([name]) => (await workplaces.get(name)?.logged()) ?? []),
      );
      return logs.flat().map(({ event_id }) => event_id);
    };
    await until(async () => (await delivered()).length >= ids.length);
    expect((await delivered()).toSorted()).toEqual(ids.toSorted());

    for (const [name] of ingesting) {
      const forwarded = { sink: 'queue', state: 'delivered' };
      expect(
        await collectors.get(name)?.metric('gotrack_ledger_events', forwarded),
      ).toBeGreaterThan(0);
    }
  });

  it('makes nobody warn of the topic', ({ skip }) => {
    skip(!hasKafka, 'needs Kafka');
    const lines = [...collectors.values()].flatMap(({ log }) => log);
    const warnings = lines.filter((line) => line.includes('"level":"warn"'));
    expect(lines.length).toBeGreaterThan(0);
    expect(warnings.filter((line) => line.includes('the topic gotrack.queue'))).toEqual([]);
  });
});
