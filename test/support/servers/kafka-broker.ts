import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Admin, Consumer, type Message, Producer } from '@platformatic/kafka';
import { until } from './collector.js';
import { freePort } from './free-port.js';
import { canCreateCertificates, createServerCertificate } from './server-certificate.js';

const run = promisify(execFile);

/** The one of docker-compose.yml. */
export const KAFKA_VERSION = '4.4.0';
const CACHE = resolve('.cache/kafka');
const JARS = join(CACHE, KAFKA_VERSION);
/** For a start within a second or two rather than for speed. */
const JVM = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'];
const CLASS_PATH = ['-cp', join(JARS, '*')];

/** Who may log in to the broker, by every mechanism. */
export const KAFKA_USER = { name: 'gotrack', password: randomBytes(9).toString('hex') };

const LISTENERS = {
  PLAIN: 'PLAINTEXT',
  PROXIED: 'PLAINTEXT',
  LOGIN: 'SASL_PLAINTEXT',
  TLS: 'SSL',
  SECURE: 'SASL_SSL',
} as const;
/** Kafka finds it in capitals only. */
const CONTROLLER = 'CONTROLLER';
type Listener = keyof typeof LISTENERS;

export interface BrokerSettings {
  /** Creates a topic that somebody asks for. */
  readonly createsTopics?: boolean;
  /** Where the clients of the listener `PROXIED` are told to find it. */
  readonly proxyPort?: number;
}

export interface TopicRecord {
  readonly partition: number;
  readonly key: string | undefined;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A real Kafka. */
export class KafkaBroker {
  /** What it says of itself. */
  readonly log: string[] = [];
  private process: ChildProcess | undefined;
  private admin: Admin | undefined;

  private constructor(
    /** `host:port` for each way there is; given brokers have the plain one only. */
    private readonly addresses: Partial<Record<Listener, string>>,
    private readonly directory: string | undefined,
    /** Path of the certificate of its TLS listeners, which is its own CA. */
    readonly certificate: string | undefined,
  ) {}

  /** `KAFKA_TEST_BROKERS`, else one started for this; undefined, and said why, when there is none to be had. */
  static async start(settings: BrokerSettings = {}): Promise<KafkaBroker | undefined> {
    const given = process.env['KAFKA_TEST_BROKERS'];
    try {
      return given === undefined
        ? await KafkaBroker.startOwn(settings)
        : KafkaBroker.connect(given);
    } catch (error) {
      process.stderr.write(`no Kafka to test with: ${String(error)}\n`);
      return undefined;
    }
  }

  /** To one that others use too, so that no test may stop it. */
  static connect(address: string): KafkaBroker {
    return new KafkaBroker({ PLAIN: address }, undefined, undefined);
  }

  /** Whether it is ours, so that a test may stop it and knows its settings. */
  get isOwn(): boolean {
    return this.directory !== undefined;
  }

  address(listener: Listener = 'PLAIN'): string {
    const address = this.addresses[listener];
    if (address === undefined) {
      throw new Error(`the broker has no listener ${listener}`);
    }
    return address;
  }

  async createTopic(
    name: string,
    {
      partitions = 1,
      configs = {},
    }: { partitions?: number; configs?: Record<string, string> } = {},
  ): Promise<void> {
    await this.asAdmin((admin) =>
      admin.createTopics({
        topics: [name],
        partitions,
        replicas: 1,
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      }),
    );
    await until(async () => {
      await this.endsOf(name, partitions);
      return true;
    });
  }

  /** How many records there are in each partition. */
  async endsOf(name: string, partitions: number): Promise<number[]> {
    const ends = Array.from({ length: partitions }, (_, partitionIndex) => ({
      partitionIndex,
      timestamp: -1n,
    }));
    const [topic] = await this.asAdmin((admin) =>
      admin.listOffsets({ topics: [{ name, partitions: ends }] }),
    );
    return (topic?.partitions ?? [])
      .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
      .map(({ offset }) => Number(offset));
  }

  async deleteTopic(name: string): Promise<void> {
    await this.asAdmin((admin) => admin.deleteTopics({ topics: [name] }));
  }

  async alterTopic(name: string, configs: Record<string, string>): Promise<void> {
    const entries = Object.entries(configs).map(([key, value]) => ({
      name: key,
      value,
      configOperation: 0 as const,
    }));
    await this.asAdmin((admin) =>
      admin.incrementalAlterConfigs({
        resources: [{ resourceType: 2, resourceName: name, configs: entries }],
      }),
    );
  }

  topics(): Promise<readonly string[]> {
    return this.asAdmin((admin) => admin.listTopics());
  }

  async countOf(topic: string): Promise<number> {
    const consumer = this.reader();
    try {
      return await countOf(consumer, topic);
    } finally {
      await consumer.close(true);
    }
  }

  /** Everything in the topic, in the order of each partition. */
  async recordsOf(topic: string): Promise<TopicRecord[]> {
    const consumer = this.reader();
    try {
      const count = await countOf(consumer, topic);
      if (count === 0) {
        return [];
      }
      const records: TopicRecord[] = [];
      const stream = await consumer.consume({
        topics: [topic],
        mode: 'earliest',
        autocommit: false,
        maxWaitTime: 100,
      });
      for await (const message of stream) {
        records.push(recordOf(message));
        if (records.length === count) {
          break;
        }
      }
      return records.toSorted((a, b) => a.partition - b.partition);
    } finally {
      await consumer.close(true);
    }
  }

  /** It can be started again, with what it holds and at the same addresses. */
  async halt(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { process: child } = this;
    this.process = undefined;
    await this.admin?.close();
    this.admin = undefined;
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await once(child, 'close');
    }
  }

  async resume(): Promise<void> {
    // What it unpacks there is not left behind by a kill.
    const scratch = `-Djava.io.tmpdir=${this.directory}`;
    const child = spawn(
      'java',
      [...JVM, scratch, ...CLASS_PATH, 'kafka.Kafka', this.configuration],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => this.log.push(chunk.toString()));
    }
    this.process = child;
    await until(async () => {
      if (child.exitCode !== null) {
        throw new Error(`Kafka ended with ${child.exitCode}:\n${this.log.join('')}`);
      }
      await this.topics();
      const producer = new Producer({ ...this.client(), idempotent: true, retries: 0 });
      try {
        await producer.initIdempotentProducer({});
      } finally {
        await producer.close();
      }
      return true;
    });
  }

  async stop(): Promise<void> {
    await this.halt('SIGKILL');
    if (this.directory !== undefined) {
      await rm(this.directory, { recursive: true, force: true });
    }
  }

  private static async startOwn(settings: BrokerSettings): Promise<KafkaBroker> {
    await fetchJars();
    const directory = await mkdtemp(join(tmpdir(), 'gotrack-kafka-'));
    const certificate = canCreateCertificates()
      ? createServerCertificate(directory, 'kafka')
      : undefined;
    const names = (Object.keys(LISTENERS) as Listener[]).filter(
      (name) => certificate || !LISTENERS[name].endsWith('SSL'),
    );
    const ports = new Map<string, number>();
    for (const name of [...names, CONTROLLER]) {
      ports.set(name, await freePort());
    }
    const address = (name: string): string => `127.0.0.1:${ports.get(name)}`;
    const addresses = Object.fromEntries(names.map((name) => [name, address(name)]));
    const broker = new KafkaBroker(addresses, directory, certificate?.cert);
    try {
      if (certificate) {
        const pems = [certificate.key, certificate.cert].map((path) => readFile(path, 'utf8'));
        await writeFile(join(directory, 'keystore.pem'), (await Promise.all(pems)).join(''));
      }
      const advertised = (name: Listener): string =>
        name === 'PROXIED' && settings.proxyPort !== undefined
          ? `127.0.0.1:${settings.proxyPort}`
          : address(name);
      const properties = {
        'process.roles': 'broker,controller',
        'node.id': '1',
        'controller.quorum.voters': `1@${address(CONTROLLER)}`,
        'controller.listener.names': CONTROLLER,
        listeners: [...names, CONTROLLER].map((name) => `${name}://${address(name)}`).join(),
        'advertised.listeners': names.map((name) => `${name}://${advertised(name)}`).join(),
        'listener.security.protocol.map': [
          ...names.map((name) => `${name}:${LISTENERS[name]}`),
          `${CONTROLLER}:PLAINTEXT`,
        ].join(),
        'inter.broker.listener.name': 'PLAIN',
        // One that was killed is missed soon, and may come back.
        'broker.session.timeout.ms': '1000',
        'broker.heartbeat.interval.ms': '250',
        'log.dirs': join(directory, 'data'),
        'offsets.topic.replication.factor': '1',
        'offsets.topic.num.partitions': '1',
        'transaction.state.log.replication.factor': '1',
        'transaction.state.log.min.isr': '1',
        'group.initial.rebalance.delay.ms': '0',
        'auto.create.topics.enable': String(settings.createsTopics ?? false),
        ...login('LOGIN'),
        ...login('SECURE'),
        ...(certificate && {
          'ssl.keystore.type': 'PEM',
          'ssl.keystore.location': join(directory, 'keystore.pem'),
        }),
      };
      await writeFile(
        broker.configuration,
        Object.entries(properties)
          .map(([name, value]) => `${name}=${value}\n`)
          .join(''),
      );
      const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
        '--add-scram',
        `${mechanism}=[name=${KAFKA_USER.name},password=${KAFKA_USER.password}]`,
      ]);
      const format = ['format', '-t', randomBytes(16).toString('base64url'), ...users];
      const tool = [...CLASS_PATH, 'kafka.tools.StorageTool', ...format];
      await run('java', [...JVM, ...tool, '-c', broker.configuration]);
      await broker.resume();
      return broker;
    } catch (error) {
      await broker.stop();
      throw error;
    }
  }

  private get configuration(): string {
    return join(this.directory ?? '', 'server.properties');
  }

  private client(): { clientId: string; bootstrapBrokers: string[]; connectTimeout: number } {
    return {
      clientId: 'gotrack-tests',
      bootstrapBrokers: this.address().split(','),
      connectTimeout: 2000,
    };
  }

  private reader(): Consumer {
    return new Consumer({
      ...this.client(),
      groupId: `reader-${randomBytes(6).toString('hex')}`,
    });
  }

  private asAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    this.admin ??= new Admin({ ...this.client(), retries: 3 });
    return work(this.admin);
  }
}

async function countOf(consumer: Consumer, topic: string): Promise<number> {
  const offsets = await consumer.listOffsets({ topics: [topic], timestamp: -1n });
  return (offsets.get(topic) ?? []).reduce((sum, end) => sum + Number(end), 0);
}

function login(listener: Listener): Record<string, string> {
  const { name, password } = KAFKA_USER;
  const modules = 'org.apache.kafka.common.security';
  const jaas = {
    plain: `${modules}.plain.PlainLoginModule required user_${name}="${password}";`,
    'scram-sha-256': `${modules}.scram.ScramLoginModule required;`,
    'scram-sha-512': `${modules}.scram.ScramLoginModule required;`,
  };
  return {
    [`listener.name.${listener.toLowerCase()}.sasl.enabled.mechanisms`]:
      'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    ...Object.fromEntries(
      Object.entries(jaas).map(([mechanism, value]) => [
        `listener.name.${listener.toLowerCase()}.${mechanism}.sasl.jaas.config`,
        value,
      ]),
    ),
  };
}

function recordOf(message: Message): TopicRecord {
  return {
    partition: message.partition,
    key: (message.key as Buffer | null | undefined)?.toString(),
    value: message.value.toString(),
    headers: Object.fromEntries(
      Array.from(message.headers, ([name, value]) => [name.toString(), value.toString()]),
    ),
  };
}

/** Whole or not at all: several workers may do it at the same time. */
async function fetchJars(): Promise<void> {
  if (existsSync(JARS)) {
    return;
  }
  await mkdir(CACHE, { recursive: true });
  const scratch = await mkdtemp(join(CACHE, 'fetching-'));
  try {
    await writeFile(
      join(scratch, 'pom.xml'),
      `<project xmlns="http://maven.apache.org/POM/4.0.0">
        <modelVersion>4.0.0</modelVersion>
        <groupId>gotrack</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
        <dependencies><dependency>
          <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version>
        </dependency></dependencies>
      </project>`,
    );
    const options = ['-DoutputDirectory=jars', '-DincludeScope=runtime'];
    await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', ...options], { cwd: scratch });
    await rename(join(scratch, 'jars'), JARS);
  } catch (error) {
    if (!existsSync(JARS)) {
      throw error;
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
