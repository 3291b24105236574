import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AclOperations,
  AclPermissionTypes,
  Admin,
  alterUserScramCredentialsV0,
  ConfigResourceTypes,
  Connection,
  MultipleErrors,
  Producer,
  ResourcePatternTypes,
  ResourceTypes,
} from '@platformatic/kafka';
import { until } from './collector.js';
import { freePort } from './free-port.js';
import { KafkaProcess } from './kafka-process.js';
import {
  followerProperties,
  KAFKA_USER,
  leaderProperties,
  type Listener,
  LISTENERS,
} from './kafka-properties.js';
import { canCreateCertificates, createServerCertificate } from './server-certificate.js';
import { endsOf, readTopic, type TopicRecord } from './topic-records.js';

export interface BrokerSettings {
  /** Creates a topic that somebody asks for. */
  readonly createsTopics?: boolean;
  /** Where the clients of the listener `PROXIED` are told to find it. */
  readonly proxyPort?: number;
  /** A second broker, for topics with two replicas. */
  readonly hasFollower?: boolean;
}

export interface TopicSettings {
  readonly partitions?: number;
  readonly replicas?: number;
  readonly configs?: Readonly<Record<string, string>>;
}

const SCRAM_MECHANISMS = [
  { code: 1, digest: 'sha256', bytes: 32 },
  { code: 2, digest: 'sha512', bytes: 64 },
];
const SCRAM_ITERATIONS = 4096;

/** A real Kafka. */
export class KafkaBroker {
  private process: KafkaProcess | undefined;
  private follower: KafkaProcess | undefined;
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

  /** Until it is there: a busy controller answers too late, and has done it. */
  async createTopic(
    name: string,
    { partitions = 1, replicas = 1, configs = {} }: TopicSettings = {},
  ): Promise<void> {
    const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
    const settings = { topics: [name], partitions, replicas, configs: entries };
    await until(() =>
      this.hasDone((admin) => admin.createTopics(settings), 'TOPIC_ALREADY_EXISTS'),
    );
    await until(async () => (await this.endsOf(name, partitions)).length === partitions);
  }

  async addPartitions(name: string, count: number): Promise<void> {
    const topics = [{ name, count }];
    await until(() =>
      this.hasDone((admin) => admin.createPartitions({ topics }), 'INVALID_PARTITIONS'),
    );
    await until(async () => (await this.endsOf(name, count)).length === count);
  }

  endsOf(name: string, partitions: number): Promise<number[]> {
    return this.asAdmin((admin) => endsOf(admin, name, partitions));
  }

  async deleteTopic(name: string): Promise<void> {
    await until(() =>
      this.hasDone((admin) => admin.deleteTopics({ topics: [name] }), 'UNKNOWN_TOPIC_OR_PARTITION'),
    );
    await until(async () => !(await this.topics()).includes(name));
  }

  async alterTopic(name: string, configs: Record<string, string>): Promise<void> {
    const entries = Object.entries(configs).map(([key, value]) => ({
      name: key,
      value,
      configOperation: 0 as const,
    }));
    const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: name };
    await this.asAdmin((admin) =>
      admin.incrementalAlterConfigs({ resources: [{ ...resource, configs: entries }] }),
    );
  }

  /** From now on whoever logs in has no other rights on the topic than these. */
  async grant(topic: string, rights: readonly (keyof typeof AclOperations)[]): Promise<void> {
    const creations = rights.map((right) => ({
      resourceType: ResourceTypes.TOPIC,
      resourceName: topic,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: 'User:*',
      host: '*',
      operation: AclOperations[right],
      permissionType: AclPermissionTypes.ALLOW,
    }));
    await this.asAdmin((admin) => admin.createAcls({ creations }));
  }

  /** One more that may log in by SCRAM. */
  async addUser(name: string, password: string): Promise<void> {
    const [host = '', port] = this.address().split(':');
    const connection = new Connection('gotrack-tests');
    await connection.connect(host, Number(port));
    const salt = randomBytes(16);
    try {
      for (const { code, digest, bytes } of SCRAM_MECHANISMS) {
        const credential = {
          name,
          mechanism: code,
          iterations: SCRAM_ITERATIONS,
          salt,
          saltedPassword: pbkdf2Sync(password, salt, SCRAM_ITERATIONS, bytes, digest),
        };
        await alterUserScramCredentialsV0.api.async(connection, [], [credential]);
      }
    } finally {
      await connection.close();
    }
  }

  /** Whether there are so many nodes, and each partition of the topics has all its copies. */
  async isComplete(nodes: number, topics: readonly string[]): Promise<boolean> {
    const metadata = await this.asAdmin((admin) =>
      admin.metadata({ topics: [...topics], forceUpdate: true }),
    );
    const found = topics.map((topic) => metadata.topics.get(topic)?.partitions ?? []);
    return (
      metadata.brokers.size === nodes &&
      found.every(
        (partitions) =>
          partitions.length > 0 &&
          partitions.every(({ replicas, isr }) => isr.length === replicas.length),
      )
    );
  }

  /** As retention does it. @param offsets partition → its first record from now on */
  async deleteRecordsBefore(topic: string, offsets: ReadonlyMap<number, number>): Promise<void> {
    const partitions = Array.from(offsets, ([partition, offset]) => ({
      partition,
      offset: BigInt(offset),
    }));
    await this.asAdmin((admin) => admin.deleteRecords({ topics: [{ name: topic, partitions }] }));
  }

  /** Once none of its members is thought to be alive. */
  async deleteGroup(group: string): Promise<void> {
    await until(() =>
      this.hasDone((admin) => admin.deleteGroups({ groups: [group] }), 'GROUP_ID_NOT_FOUND').catch(
        () => false,
      ),
    );
  }

  /** Once none of its members is thought to be alive. */
  async setOffset(group: string, topic: string, partition: number, offset: number): Promise<void> {
    const partitionOffsets = [{ partition, offset: BigInt(offset) }];
    const topics = [{ name: topic, partitionOffsets }];
    await until(() =>
      this.asAdmin((admin) => admin.alterConsumerGroupOffsets({ groupId: group, topics })).then(
        () => true,
        () => false,
      ),
    );
  }

  topics(): Promise<readonly string[]> {
    return this.asAdmin((admin) => admin.listTopics());
  }

  /** Everything in the topic, in the order of each partition. */
  recordsOf(topic: string): Promise<TopicRecord[]> {
    return this.asAdmin((admin) => readTopic(admin, topic));
  }

  /** It can be started again, with what it holds and at the same addresses. */
  async halt(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.admin?.close();
    this.admin = undefined;
    await this.process?.halt(signal);
  }

  async resume(): Promise<void> {
    const { process: broker } = this;
    broker?.start();
    await until(async () => {
      broker?.assertRunning();
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

  async haltFollower(): Promise<void> {
    await this.follower?.halt('SIGKILL');
  }

  async resumeFollower(): Promise<void> {
    const { follower } = this;
    follower?.start();
    await until(async () => {
      follower?.assertRunning();
      const { brokers } = await this.asAdmin((admin) => admin.metadata({ forceUpdate: true }));
      return brokers.size === 2;
    });
  }

  async stop(): Promise<void> {
    await this.haltFollower();
    await this.halt('SIGKILL');
    if (this.directory !== undefined) {
      await rm(this.directory, { recursive: true, force: true });
    }
  }

  private static async startOwn(settings: BrokerSettings): Promise<KafkaBroker> {
    const directory = await mkdtemp(join(tmpdir(), 'gotrack-kafka-'));
    const certificate = canCreateCertificates()
      ? createServerCertificate(directory, 'kafka')
      : undefined;
    const addresses: Partial<Record<Listener, string>> = {};
    for (const name of Object.keys(LISTENERS) as Listener[]) {
      if (certificate || !LISTENERS[name].endsWith('SSL')) {
        addresses[name] = await freeAddress();
      }
    }
    const broker = new KafkaBroker(addresses, directory, certificate?.cert);
    try {
      const keystore = certificate && (await writeKeystore(directory, certificate));
      await broker.startNodes(directory, settings, keystore);
      return broker;
    } catch (error) {
      await broker.stop();
      throw error;
    }
  }

  private async startNodes(
    directory: string,
    { createsTopics, proxyPort, hasFollower }: BrokerSettings,
    keystore: string | undefined,
  ): Promise<void> {
    const controller = await freeAddress();
    // One that begins with a hyphen would be an option of the command that takes it.
    const clusterId = `a${randomBytes(16).toString('base64url').slice(1)}`;
    this.process = await KafkaProcess.create(
      directory,
      leaderProperties({
        addresses: this.addresses,
        controller,
        dataDirectory: join(directory, 'data'),
        keystore,
        createsTopics,
        proxyPort,
      }),
      clusterId,
      ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
        '--add-scram',
        `${mechanism}=[name=${KAFKA_USER.name},password=${KAFKA_USER.password}]`,
      ]),
    );
    await this.resume();
    if (hasFollower) {
      this.follower = await KafkaProcess.create(
        directory,
        followerProperties({
          addresses: { PLAIN: await freeAddress(), LOGIN: await freeAddress() },
          controller,
          dataDirectory: join(directory, 'follower'),
        }),
        clusterId,
      );
      await this.resumeFollower();
    }
  }

  private client(): { clientId: string; bootstrapBrokers: string[]; connectTimeout: number } {
    return {
      clientId: 'gotrack-tests',
      bootstrapBrokers: this.address().split(','),
      connectTimeout: 2000,
    };
  }

  /** @returns whether the work is done, now or by an earlier request */
  private async hasDone(work: (admin: Admin) => Promise<unknown>, done: string): Promise<boolean> {
    try {
      await this.asAdmin(work);
    } catch (error) {
      if (!(error instanceof MultipleErrors && error.findBy('apiId', done))) {
        throw error;
      }
    }
    return true;
  }

  private asAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    this.admin ??= new Admin({ ...this.client(), retries: 3 });
    return work(this.admin);
  }
}

async function freeAddress(): Promise<string> {
  return `127.0.0.1:${await freePort()}`;
}

async function writeKeystore(
  directory: string,
  certificate: { readonly key: string; readonly cert: string },
): Promise<string> {
  const path = join(directory, 'keystore.pem');
  const pems = [certificate.key, certificate.cert].map((name) => readFile(name, 'utf8'));
  await writeFile(path, (await Promise.all(pems)).join(''));
  return path;
}
