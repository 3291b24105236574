import type { Fault } from '../config/configuration-error.js';
import { boolean, oneOf, text } from '../config/parsers.js';
import { type Parser, Setting } from '../config/setting.js';
import { brokers } from './brokers.js';

export const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

const mechanism: Parser<SaslMechanism> = (value) => {
  const words = SASL_MECHANISMS.map((word) => word.toLowerCase());
  const word = oneOf(...words)(value);
  return SASL_MECHANISMS[words.indexOf(word)] ?? 'PLAIN';
};

const DEFAULT_BROKERS: readonly string[] = ['localhost:9092'];

/** The way to the brokers, the same for all that use them. */
export class KafkaConnectionOptions {
  static readonly key = 'kafka-connection';

  @Setting('KAFKA_BROKERS', brokers, {
    doc: 'Brokers to ask first where the topic is: a comma list of host:port.',
  })
  readonly brokers: readonly string[] = DEFAULT_BROKERS;

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

  /** Also when they are set to what the default is. */
  get areBrokersSet(): boolean {
    return this.brokers !== DEFAULT_BROKERS;
  }

  get usesTls(): boolean {
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
      ...(this.saslMechanism !== undefined && !this.usesTls
        ? ['KAFKA_TLS=false: the SASL password is sent without encryption; set KAFKA_TLS to true']
        : []),
      ...(this.tlsSkipVerify && this.usesTls
        ? [
            'KAFKA_TLS_SKIP_VERIFY=true: nobody verifies who the brokers are; set KAFKA_TLS_CA to their authority instead',
          ]
        : []),
    ];
  }
}
