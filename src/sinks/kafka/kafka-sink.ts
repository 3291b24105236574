import type { StoredEvent } from '../../event/stored-event.js';
import { RejectedEventsError, RetryableSinkError, Sink, type Written } from '../sink.js';
import type { Cluster } from '../../kafka/cluster.js';
import { asSinkError } from '../../kafka/kafka-error.js';
import type { KafkaOptions } from './kafka.options.js';
import type { Producer } from '../../kafka/producer.js';

/** Appends events to a topic; a batch that comes again after a failure is appended once. */
export class KafkaSink extends Sink {
  private producer: Producer | undefined;
  /** Of its own: a check gets its answer while a write is under way. */
  private checking: Cluster | undefined;
  private checkUnderWay: Promise<void> | undefined;
  private closed = false;

  constructor(private readonly options: KafkaOptions) {
    super();
  }

  override async open(): Promise<void> {
    await told(async () => {
      await this.load();
      await this.producer?.open();
    });
  }

  override async write(batch: readonly StoredEvent[]): Promise<Written> {
    const refused = await told(async () => {
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
    this.checkUnderWay ??= this.checkNow().finally(() => {
      this.checkUnderWay = undefined;
    });
    return this.checkUnderWay;
  }

  override async close(): Promise<void> {
    this.closed = true;
    this.producer?.close();
    this.checking?.close();
  }

  private async checkNow(): Promise<void> {
    await told(async () => {
      await this.load();
      const leaders = (await this.checking?.leaders(false)) ?? [];
      const leaderless = leaders.filter((leader) => leader === undefined).length;
      if (leaderless > 0) {
        throw new RetryableSinkError(
          'other',
          `Kafka says: ${leaderless} of ${leaders.length} partitions of ${this.options.topic} have no leader`,
        );
      }
    });
  }

  /** Not at the start of the program: the client takes 60 MB, and not everybody has Kafka. */
  private async load(): Promise<void> {
    if (this.producer) {
      return;
    }
    const [producer, cluster, { connectionOptions }] = await Promise.all([
      import('../../kafka/producer.js'),
      import('../../kafka/cluster.js'),
      import('../../kafka/connection-options.js'),
    ]);
    if (this.closed) {
      throw new RetryableSinkError('other', 'the sink is closed');
    }
    const connect = () => connectionOptions(this.options);
    this.producer ??= new producer.Producer(this.options, connect);
    this.checking ??= new cluster.Cluster(this.options, connect);
  }
}

async function told<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw asSinkError(error);
  }
}
