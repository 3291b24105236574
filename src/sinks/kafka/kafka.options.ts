import { Matches, MaxLength } from 'class-validator';
import type { Fault } from '../../config/configuration-error.js';
import { boolean, oneOf, text } from '../../config/parsers.js';
import { type Parser, Setting } from '../../config/setting.js';
import { brokers } from '../../kafka/brokers.js';

export const ACKS = { all: -1, '-1': -1, '1': 1, '0': 0 } as const;
export const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
export const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

export type Acks = keyof typeof ACKS;
export type SaslMechanism = (typeof SASL_MECHANISMS)[number];
export type Compression = (typeof COMPRESSIONS)[number];

const mechanism: Parser<SaslMechanism> = (value) => {
  const words = SASL_MECHANISMS.map((word) => word.toLowerCase());
  const word = oneOf(...words)(value);
  return SASL_MECHANISMS[words.indexOf(word)] ?? 'PLAIN';
};

export class KafkaOptions {
  static readonly key = 'kafka';

  @Setting('KAFKA_BROKERS', brokers, {
    doc: 'Brokers to ask first where the topic is: a comma list of host:port.',
  })
  readonly brokers: readonly string[] = ['localhost:9092'];

  @Matches(/^(?!\.{1,2}$)[\w.-]+$/, {
    message: 'must be letters, digits, dots, hyphens and underscores, and not only one or two dots',
  })
  @MaxLength(249, { message: 'must not be longer than 249 characters' })
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

  @Setting('KAFKA_SASL_MECHANISM', mechanism, {
    doc: 'How to log in: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, with KAFKA_SASL_USER and KAFKA_SASL_PASSWORD.',
  })
  readonly saslMechanism: SaslMechanism | undefined = undefined;

  @Setting('KAFKA_SASL_USER', text, { doc: 'Who logs in.' })
  readonly saslUser: string | undefined = undefined;

  @Setting('KAFKA_SASL_PASSWORD', text, {
    doc: 'The password. The file of KAFKA_SASL_PASSWORD_FILE is read again for each new connection.',
    secret: true,
  })
  readonly saslPassword: string | undefined = undefined;

  @Setting('KAFKA_TLS', boolean, {
    doc: 'Speaks TLS to the brokers. True once a SASL mechanism or a CA is set; false beside SASL sends the password in the clear.',
  })
  readonly tls: boolean | undefined = undefined;

  @Setting('KAFKA_TLS_CA', text, {
    doc: "A file with the certificates of the authorities that may have signed the brokers' certificates. Unset: those that the runtime trusts. Read again for each new connection.",
  })
  readonly tlsCa: string | undefined = undefined;

  @Setting('KAFKA_TLS_SKIP_VERIFY', boolean, {
    doc: 'Does not verify who the brokers are: anyone in between can read and change everything.',
  })
  readonly tlsSkipVerify: boolean = false;

  get speaksTls(): boolean {
    return this.tls ?? (this.saslMechanism !== undefined || this.tlsCa !== undefined);
  }

  faults(): Fault[] {
    const required = [
      ['KAFKA_SASL_MECHANISM', this.saslMechanism],
      ['KAFKA_SASL_USER', this.saslUser],
      ['KAFKA_SASL_PASSWORD', this.saslPassword],
    ] as const;
    const given = required.filter(([, value]) => value !== undefined);
    const sasl = required
      .filter(([, value]) => value === undefined && given.length > 0)
      .map(([name]) => ({
        name,
        reason: `must be set, because ${given.map(([other]) => other).join(' and ')} is`,
      }));
    const ca =
      this.tls === false && this.tlsCa !== undefined
        ? [{ name: 'KAFKA_TLS_CA', reason: 'means nothing while KAFKA_TLS is false' }]
        : [];
    return [...sasl, ...ca];
  }

  warnings(): string[] {
    return [
      ...(ACKS[this.acks] === ACKS.all
        ? []
        : [
            `KAFKA_ACKS=${this.acks}: delivery to Kafka is no longer assured, events that count as delivered may be lost with a broker; set it to all`,
          ]),
      ...(this.saslMechanism !== undefined && !this.speaksTls
        ? ['KAFKA_TLS=false: the SASL password is sent without encryption; set KAFKA_TLS to true']
        : []),
      ...(this.tlsSkipVerify && this.speaksTls
        ? [
            'KAFKA_TLS_SKIP_VERIFY=true: nobody verifies who the brokers are; set KAFKA_TLS_CA to their authority instead',
          ]
        : []),
    ];
  }
}
