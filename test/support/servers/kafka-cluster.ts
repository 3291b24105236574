import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './collector.js';
import { freePort } from './free-port.js';
import { KafkaBroker } from './kafka-broker.js';
import { KafkaProcess } from './kafka-process.js';
import { controllerProperties, memberProperties } from './kafka-properties.js';
import type { TopicRecord } from './topic-records.js';

const BROKERS = 3;

/** As production has it: a copy on each broker, and two of three confirm. */
const REPLICATED = { replicas: BROKERS, configs: { 'min.insync.replicas': '2' } };

/** Three real brokers, of which a test may kill each, and a controller that stays. */
export class KafkaCluster {
  private readonly client: KafkaBroker;

  private constructor(
    private readonly directory: string,
    private readonly controller: KafkaProcess,
    private readonly brokers: readonly KafkaProcess[],
    /** Of all brokers, for `KAFKA_BROKERS`. */
    readonly addresses: string,
  ) {
    this.client = KafkaBroker.connect(addresses);
  }

  /** Those of the brokers, without the controller. */
  get pids(): readonly number[] {
    return this.brokers.flatMap(({ pid }) => pid ?? []);
  }

  /** Undefined, and said why, when there is none to be had. */
  static async start(): Promise<KafkaCluster | undefined> {
    try {
      return await KafkaCluster.startNodes();
    } catch (error) {
      process.stderr.write(`no Kafka cluster to test with: ${String(error)}\n`);
      return undefined;
    }
  }

  private static async startNodes(): Promise<KafkaCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'gotrack-kafka-'));
    const addresses = await Promise.all(Array.from({ length: BROKERS }, freeAddress));
    const controller = await freeAddress();
    // One that begins with a hyphen would be an option of the command that takes it.
    const clusterId = `a${randomBytes(16).toString('base64url').slice(1)}`;
    const create = (properties: Readonly<Record<string, string>>): Promise<KafkaProcess> =>
      KafkaProcess.create(directory, properties, clusterId);
    const [leader, ...brokers] = await Promise.all([
      create(controllerProperties(controller, join(directory, 'data-1'))),
      ...addresses.map((address, index) => {
        const id = index + 2;
        const dataDirectory = join(directory, `data-${id}`);
        return create(memberProperties(id, { address, controller, dataDirectory }));
      }),
    ]);
    const cluster = new KafkaCluster(directory, leader, brokers, addresses.join());
    try {
      leader.start();
      cluster.start(...addresses.keys());
      await cluster.complete();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** A topic with a copy on each broker, of which two confirm. */
  createTopic(
    name: string,
    {
      partitions = 3,
      configs = {},
    }: { partitions?: number; configs?: Record<string, string> } = {},
  ): Promise<void> {
    return this.client.createTopic(name, {
      partitions,
      replicas: REPLICATED.replicas,
      configs: { ...REPLICATED.configs, ...configs },
    });
  }

  addPartitions(name: string, count: number): Promise<void> {
    return this.client.addPartitions(name, count);
  }

  deleteTopic(name: string): Promise<void> {
    return this.client.deleteTopic(name);
  }

  deleteRecordsBefore(topic: string, offsets: ReadonlyMap<number, number>): Promise<void> {
    return this.client.deleteRecordsBefore(topic, offsets);
  }

  deleteGroup(group: string): Promise<void> {
    return this.client.deleteGroup(group);
  }

  setOffset(group: string, topic: string, partition: number, offset: number): Promise<void> {
    return this.client.setOffset(group, topic, partition, offset);
  }

  alterTopic(name: string, configs: Record<string, string>): Promise<void> {
    return this.client.alterTopic(name, configs);
  }

  /** Everything in the topic, which may take a while after one was killed. */
  async recordsOf(topic: string): Promise<TopicRecord[]> {
    let records: TopicRecord[] = [];
    await until(async () => {
      records = await this.client.recordsOf(topic);
      return true;
    });
    return records;
  }

  /** Ends it as a power cut would. */
  async kill(...indexes: readonly number[]): Promise<void> {
    await Promise.all(indexes.map(async (index) => this.brokers[index]?.halt('SIGKILL')));
  }

  /** Starts it again, with what it holds; does not wait until it is there. */
  start(...indexes: readonly number[]): void {
    indexes.forEach((index) => this.brokers[index]?.start());
  }

  /** Resolves when all brokers are there, and every partition of these topics has all its copies. */
  async complete(...topics: readonly string[]): Promise<void> {
    await until(async () => {
      [this.controller, ...this.brokers].forEach((node) => node.assertRunning());
      return this.client.isComplete(BROKERS, topics);
    });
  }

  async stop(): Promise<void> {
    await this.client.halt();
    await this.kill(...this.brokers.keys());
    await this.controller.halt('SIGKILL');
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function freeAddress(): Promise<string> {
  return `127.0.0.1:${await freePort()}`;
}
