import type { ConnectionOptions } from '@platformatic/kafka';
import { currentValue } from '../config/current-value.js';
import { readCertificates } from '../config/pem-file.js';
import type { KafkaConnectionOptions, SaslMechanism } from './kafka-connection.options.js';

/**
 * TLS and the login. The files that they take are read each time: certificates and passwords are renewed.
 * @throws InvalidValueError a file cannot be used
 */
export async function securityOptions(
  options: KafkaConnectionOptions,
): Promise<Pick<ConnectionOptions, 'tls' | 'sasl'>> {
  return { ...(await encryption(options)), ...(await login(options)) };
}

async function encryption(
  options: KafkaConnectionOptions,
): Promise<Pick<ConnectionOptions, 'tls'>> {
  if (!options.usesTls) {
    return {};
  }
  const ca =
    options.tlsCa === undefined
      ? {}
      : { ca: await readCertificates('KAFKA_TLS_CA', options.tlsCa) };
  return { tls: { ...ca, rejectUnauthorized: !options.tlsSkipVerify } };
}

async function login(options: KafkaConnectionOptions): Promise<Pick<ConnectionOptions, 'sasl'>> {
  const { saslMechanism: mechanism, saslUser: username } = options;
  const password = await currentValue(options, 'saslPassword');
  return mechanism === undefined || username === undefined || password === undefined
    ? {}
    : { sasl: { mechanism, username: sentName(mechanism, username), password } };
}

function sentName(mechanism: SaslMechanism, name: string): string {
  // The client declares no type that would take it, and takes it.
  return mechanism === 'PLAIN' || !/[,=]/.test(name)
    ? name
    : (new SaslName(name) as unknown as string);
}

/**
 * A name as SCRAM sends it ("saslname" in RFC 5802, section 5.1). The client's own escape leaves every comma but the
 * first one, and would escape ours again: this one has no commas left, and keeps its equals signs.
 */
class SaslName extends String {
  constructor(name: string) {
    super(name.replaceAll('=', '=3D').replaceAll(',', '=2C'));
  }

  override replaceAll(): string {
    return this.toString();
  }
}
