import type { StoredEvent } from '../../event/stored-event.js';
import type { KafkaConnectionOptions } from '../../kafka/kafka-connection.options.js';
import { TopicWriter } from '../../kafka/topic-writer.js';
import { RejectedEventsError, Sink, type Written } from '../sink.js';
import { withSinkErrors } from '../support/with-sink-errors.js';
import { toRecord } from './kafka-record.js';
import { ACKS, type KafkaOptions } from './kafka.options.js';
import { asSinkError } from './sink-error.js';

/** Appends events to a topic; a batch that comes again after a failure is appended once. */
export class KafkaSink extends Sink {
  private readonly writer: TopicWriter<StoredEvent>;

  constructor(connection: KafkaConnectionOptions, { topic, acks, compression }: KafkaOptions) {
    super();
    this.writer = new TopicWriter(connection, { topic, acks: ACKS[acks], compression }, toRecord);
  }

  override open(): Promise<void> {
    return withSinkErrors(asSinkError, () => this.writer.open());
  }

  override async write(batch: readonly StoredEvent[]): Promise<Written> {
    const refused = await withSinkErrors(asSinkError, () => this.writer.write(batch));
    if (refused.size > 0) {
      throw new RejectedEventsError(refused, 'written');
    }
    return { duplicates: 0 };
  }

  override check(): Promise<void> {
    return withSinkErrors(asSinkError, () => this.writer.check());
  }

  override async close(): Promise<void> {
    this.writer.close();
  }
}
