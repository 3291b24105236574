import { Matches, MaxLength } from 'class-validator';
import { oneOf, text } from '../../config/parsers.js';
import { Setting } from '../../config/setting.js';
import { LEGAL_NAME, MAX_NAME_LENGTH } from '../../kafka/legal-name.js';

export const ACKS = { all: -1, '-1': -1, '1': 1, '0': 0 } as const;
export const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

export type Acks = keyof typeof ACKS;
export type Compression = (typeof COMPRESSIONS)[number];

export class KafkaOptions {
  static readonly key = 'kafka';

  @Matches(LEGAL_NAME.pattern, { message: LEGAL_NAME.rule })
  @MaxLength(MAX_NAME_LENGTH, { message: `must not be longer than ${MAX_NAME_LENGTH} characters` })
  @Setting('KAFKA_TOPIC', text, {
    doc: 'The topic that events go to. It is created when it is missing and the brokers create topics by themselves.',
  })
  readonly topic: string = 'gotrack.events';

  @Setting('KAFKA_ACKS', oneOf('all', '-1', '1', '0'), {
    doc: 'Which replicas confirm a record before it counts as delivered: all that are in sync. 1 or 0: delivery is no longer assured.',
  })
  readonly acks: Acks = 'all';

  @Setting('KAFKA_COMPRESSION', oneOf(...COMPRESSIONS), {
    doc: 'How batches are compressed: none, gzip, snappy, lz4 or zstd.',
  })
  readonly compression: Compression = 'none';

  warnings(): string[] {
    return ACKS[this.acks] === ACKS.all
      ? []
      : [
          `KAFKA_ACKS=${this.acks}: delivery to Kafka is no longer assured, events that count as delivered may be lost with a broker; set it to all`,
        ];
  }
}
