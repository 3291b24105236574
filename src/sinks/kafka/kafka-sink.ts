import type { StoredEvent } from '../../event/stored-event.js';
import type { Cluster } from '../../kafka/cluster.js';
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
    withSinkErrors(asSinkError, () => this.checkLeaders()),
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

  private async checkLeaders(): Promise<void> {
    await this.load();
    const { topic } = this.options;
    const leaders = (await this.checking?.leaders(topic, false)) ?? [];
    const leaderless = leaders.filter((leader) => leader === undefined).length;
    if (leaderless > 0) {
      throw new RetryableSinkError(
        'other',
        `Kafka says: ${leaderless} of ${leaders.length} partitions of ${topic} have no leader`,
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
