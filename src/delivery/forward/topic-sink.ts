import type { StoredEvent } from '../../event/stored-event.js';
import type { KafkaConnectionOptions } from '../../kafka/kafka-connection.options.js';
import { asKafkaError } from '../../kafka/kafka-error.js';
import { TopicWriter } from '../../kafka/topic-writer.js';
import { RejectedEventsError, RetryableSinkError, Sink, type Written } from '../../sinks/sink.js';
import type { RecordKey } from './forward.options.js';
import { keyedRecord } from './keyed-record.js';

const ALL_IN_SYNC = -1;

export interface TopicSinkOptions {
  readonly topic: string;
  readonly recordKey: RecordKey;
  /** The names of those that read the topic, in this process or another. */
  readonly readers: readonly string[];
}

/** Brings events to the topic that all instances read. */
export class TopicSink extends Sink {
  private readonly writer: TopicWriter<StoredEvent>;

  constructor(
    private readonly connection: KafkaConnectionOptions,
    private readonly options: TopicSinkOptions,
  ) {
    super();
    const { topic, recordKey } = options;
    this.writer = new TopicWriter(
      connection,
      { topic, acks: ALL_IN_SYNC, compression: 'none' },
      keyedRecord(recordKey),
    );
  }

  override open(): Promise<void> {
    return withSinkErrors(async () => {
      const { connection, options } = this;
      const { prepareQueue } = await import('../../queueing/kafka/prepare-queue.js');
      // Before anything is in the topic: a sink whose first start comes later must not miss it.
      await prepareQueue({ connection, topic: options.topic, sinks: options.readers });
      await this.writer.open();
    });
  }

  override async write(batch: readonly StoredEvent[]): Promise<Written> {
    const refused = await withSinkErrors(() => this.writer.write(batch));
    if (refused.size > 0) {
      throw new RejectedEventsError(refused, 'written');
    }
    return { duplicates: 0 };
  }

  override check(): Promise<void> {
    return withSinkErrors(() => this.writer.check());
  }

  override async close(): Promise<void> {
    this.writer.close();
  }
}

async function withSinkErrors<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const { kind, message } = asKafkaError(error);
    throw new RetryableSinkError(kind, message);
  }
}
