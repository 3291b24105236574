import type { StoredEvent } from '../../event/stored-event.js';
import type { Cluster, Partition } from '../../kafka/cluster.js';
import type { KafkaConnectionOptions } from '../../kafka/kafka-connection.options.js';
import type { Producer } from '../../kafka/producer.js';
import { RejectedEventsError, RetryableSinkError, Sink, type Written } from '../sink.js';
import { shareWhileRunning } from '../support/share-while-running.js';
import { withSinkErrors } from '../support/with-sink-errors.js';
import { toRecord } from './kafka-record.js';
import { ACKS, type KafkaOptions } from './kafka.options.js';
import { asSinkError } from './sink-error.js';

/** Appends events to a topic; a batch that comes again after a failure is appended once. */
export class KafkaSink extends Sink {
  private producer: Producer<StoredEvent> | undefined;
  /** Not the producer's: a check gets its answer while a write is under way. */
  private checking: Cluster | undefined;
  private closed = false;
  private readonly sharedCheck = shareWhileRunning(() =>
    withSinkErrors(asSinkError, () => this.checkTopic()),
  );

  constructor(
    private readonly connection: KafkaConnectionOptions,
    private readonly options: KafkaOptions,
  ) {
    super();
  }

  override async open(): Promise<void> {
    await withSinkErrors(asSinkError, async () => {
      await this.load();
      await this.producer?.open();
    });
  }

  override async write(batch: readonly StoredEvent[]): Promise<Written> {
    const refused = await withSinkErrors(asSinkError, async () => {
      if (!this.producer) {
        throw new RetryableSinkError('other', 'the sink is not open');
      }
      return this.producer.write(batch);
    });
    if (refused.size > 0) {
      throw new RejectedEventsError(refused, 'written');
    }
    return { duplicates: 0 };
  }

  override check(): Promise<void> {
    return this.sharedCheck();
  }

  override async close(): Promise<void> {
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
      throw new RetryableSinkError(
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
    if (!isShort || ACKS[acks] !== ACKS.all) {
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
      throw new RetryableSinkError(
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
      import('../../kafka/producer.js'),
      import('../../kafka/cluster.js'),
    ]);
    if (this.closed) {
      throw new RetryableSinkError('other', 'the sink is closed');
    }
    const { topic, acks, compression } = this.options;
    this.producer ??= new ProducerClass(
      new ClusterClass(this.connection),
      { topic, acks: ACKS[acks], compression },
      toRecord,
    );
    this.checking ??= new ClusterClass(this.connection);
  }
}
