import type { ConnectionOptions } from '@platformatic/kafka';
import { currentValue } from '../config/current-value.js';
import { InvalidValueError } from '../config/setting.js';
import { readCertificates } from '../sinks/support/pem-file.js';
import { RetryableSinkError } from '../sinks/sink.js';
import type { KafkaOptions } from '../sinks/kafka/kafka.options.js';

/**
 * How to speak to a broker. The files it takes are read each time: certificates and passwords are renewed.
 * @throws RetryableSinkError a file cannot be used
 */
export async function connectionOptions(options: KafkaOptions): Promise<ConnectionOptions> {
  return { ...(await encryption(options)), ...login(options) };
}

async function encryption(options: KafkaOptions): Promise<ConnectionOptions> {
  if (!options.speaksTls) {
    return {};
  }
  const ca =
    options.tlsCa === undefined
      ? {}
      : { ca: await readCertificates('KAFKA_TLS_CA', options.tlsCa) };
  return { tls: { ...ca, rejectUnauthorized: !options.tlsSkipVerify } };
}

function login(options: KafkaOptions): ConnectionOptions {
  const { saslMechanism: mechanism, saslUser: username } = options;
  const password = currentPassword(options);
  return mechanism === undefined || username === undefined || password === undefined
    ? {}
    : { sasl: { mechanism, username, password } };
}

function currentPassword(options: KafkaOptions): string | undefined {
  try {
    return currentValue(options, 'saslPassword');
  } catch (error) {
    if (!(error instanceof InvalidValueError)) {
      throw error;
    }
    throw new RetryableSinkError('other', `KAFKA_SASL_PASSWORD_FILE ${error.message}`);
  }
}
