import { shareWhileRunning } from '../threads/share-while-running.js';
import type { Cluster, Partition } from './cluster.js';
import type { KafkaConnectionOptions } from './kafka-connection.options.js';
import { KafkaError } from './kafka-error.js';
import type { Producer, ProducerOptions } from './producer.js';
import type { KafkaRecord } from './unconfirmed-batch.js';

const ALL_IN_SYNC = -1;

/** Appends to a topic; a batch that comes again after a failure is appended once. */
export class TopicWriter<Item> {
  private producer: Producer<Item> | undefined;
  /** Not the producer's: a check gets its answer while a write is under way. */
  private checking: Cluster | undefined;
  private closed = false;

  /** @throws KafkaError the topic cannot be written now */
  readonly check = shareWhileRunning(() => this.checkTopic());

  constructor(
    private readonly connection: KafkaConnectionOptions,
    private readonly options: ProducerOptions,
    private readonly toRecord: (item: Item) => KafkaRecord,
  ) {}

  /** @throws KafkaError the topic cannot be used */
  async open(): Promise<void> {
    await this.load();
    await this.producer?.open();
  }

  /**
   * After a failure it wants the same batch again: the same object.
   * @returns index → reason, of what the brokers refuse for good; everything else is written
   * @throws KafkaError
   */
  async write(batch: readonly Item[]): Promise<ReadonlyMap<number, string>> {
    if (!this.producer) {
      throw new KafkaError('other', 'the topic is not open');
    }
    return this.producer.write(batch);
  }

  close(): void {
    this.closed = true;
    this.producer?.close();
    this.checking?.close();
  }

  private async checkTopic(): Promise<void> {
    await this.load();
    const { topic } = this.options;
    const partitions = (await this.checking?.partitions(topic, false)) ?? [];
    const leaderless = partitions.filter(({ leader }) => leader === undefined).length;
    if (leaderless > 0) {
      throw new KafkaError(
        'other',
        `Kafka says: ${leaderless} of ${partitions.length} partitions of ${topic} have no leader`,
      );
    }
    await this.checkReplicas(partitions);
  }

  /** Asks for the minimum while replicas are missing only: where that is denied, brokers may log it each time. */
  private async checkReplicas(partitions: readonly Partition[]): Promise<void> {
    const { topic, acks } = this.options;
    const isShort = partitions.some(({ inSync, replicas }) => inSync < replicas);
    if (!isShort || acks !== ALL_IN_SYNC) {
      return;
    }
    const minimum = await this.checking?.minInSync(topic);
    if (minimum === undefined) {
      return;
    }
    // Brokers ask for no more replicas than the topic has.
    const refusing = partitions.filter(
      ({ inSync, replicas }) => inSync < Math.min(minimum, replicas),
    ).length;
    if (refusing > 0) {
      throw new KafkaError(
        'other',
        `Kafka says: ${refusing} of ${partitions.length} partitions of ${topic} have fewer replicas in sync than min.insync.replicas, ${minimum}; start the brokers that are missing`,
      );
    }
  }

  /** Not at the start of the program: the client takes 60 MB, and not everybody has Kafka. */
  private async load(): Promise<void> {
    if (this.producer) {
      return;
    }
    const [{ Producer: ProducerClass }, { Cluster: ClusterClass }] = await Promise.all([
      import('./producer.js'),
      import('./cluster.js'),
    ]);
    if (this.closed) {
      throw new KafkaError('other', 'the topic is closed');
    }
    this.producer ??= new ProducerClass(
      new ClusterClass(this.connection),
      this.options,
      this.toRecord,
    );
    this.checking ??= new ClusterClass(this.connection);
  }
}
