import { hostname } from 'node:os';
import { Matches, MaxLength } from 'class-validator';
import { text } from '../../config/parsers.js';
import { Setting } from '../../config/setting.js';
import { LEGAL_NAME, MAX_NAME_LENGTH } from '../../kafka/legal-name.js';

/** The compacted topic, of one partition, that holds where each sink begins. */
export const SINKS_TOPIC = 'gotrack.sinks';

/** What the name of each sink's consumer group begins with. */
export const GROUP_PREFIX = 'gotrack.';

const TOO_LONG = { message: `must not be longer than ${MAX_NAME_LENGTH} characters` };

/** The topic between ingestion and the sinks, for QUEUE_DRIVER=kafka. */
export class KafkaQueueOptions {
  static readonly key = 'kafka-queue';

  @Matches(LEGAL_NAME.pattern, { message: LEGAL_NAME.rule })
  @MaxLength(MAX_NAME_LENGTH, TOO_LONG)
  @Setting('QUEUE_KAFKA_TOPIC', text, {
    doc: 'With QUEUE_DRIVER=kafka, the topic in which events wait for the sinks. The same for all instances.',
  })
  readonly topic: string = 'gotrack.queue';

  @Matches(LEGAL_NAME.pattern, { message: LEGAL_NAME.rule })
  @MaxLength(MAX_NAME_LENGTH, TOO_LONG)
  @Setting('INSTANCE_ID', text, {
    doc: 'Names this instance among those that deliver, and is the same after a restart: one within 30 s moves no partition. Unset: the host name.',
  })
  readonly instanceId: string | undefined = undefined;

  get instanceName(): string {
    return this.instanceId ?? hostname();
  }
}
