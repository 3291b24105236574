import { describe, expect, it } from 'vitest';
import { type OptionsRead, readOptions } from '../config/read-options.js';
import { KafkaConnectionOptions } from './kafka-connection.options.js';

type Variables = Readonly<Record<string, string>>;

function read(variables: Variables): OptionsRead<KafkaConnectionOptions> {
  const given = Object.entries(variables);
  return readOptions(
    KafkaConnectionOptions,
    new Map(given.map(([name, text]) => [name, { text, source: 'environment' }])),
    '.',
  );
}

const LOGIN = {
  KAFKA_SASL_MECHANISM: 'PLAIN',
  KAFKA_SASL_USER: 'gotrack',
  KAFKA_SASL_PASSWORD: 's3cret',
};

const warningsFor = (variables: Variables): string[] => read(variables).options.warnings();

describe('KafkaConnectionOptions', () => {
  it('have the defaults of the contract', () => {
    const { options, faults } = read({});

    expect(faults).toEqual([]);
    expect(options).toEqual({
      brokers: ['localhost:9092'],
      saslMechanism: undefined,
      saslUser: undefined,
      saslPassword: undefined,
      tls: undefined,
      tlsCa: undefined,
      tlsSkipVerify: false,
    });
    expect(options.warnings()).toEqual([]);
  });

  it('hold what the variables say', () => {
    const { options, faults } = read({
      KAFKA_BROKERS: 'kafka-1,kafka-2:9093',
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USER: 'gotrack',
      KAFKA_SASL_PASSWORD: 's3cret',
      KAFKA_TLS: 'yes',
      KAFKA_TLS_CA: '/etc/ssl/kafka.pem',
      KAFKA_TLS_SKIP_VERIFY: 'true',
    });

    expect(faults).toEqual([]);
    expect(options).toEqual({
      brokers: ['kafka-1:9092', 'kafka-2:9093'],
      saslMechanism: 'SCRAM-SHA-512',
      saslUser: 'gotrack',
      saslPassword: 's3cret',
      tls: true,
      tlsCa: '/etc/ssl/kafka.pem',
      tlsSkipVerify: true,
    });
  });

  it.each([
    ['KAFKA_BROKERS', 'kafka:x'],
    ['KAFKA_TLS', 'maybe'],
    ['KAFKA_TLS_SKIP_VERIFY', 'maybe'],
  ])('refuse %s=%s', (name, value) => {
    expect(read({ [name]: value }).faults).toEqual([{ name, reason: expect.any(String) }]);
  });

  it('refuse a mechanism that there is not', () => {
    const { faults } = read({ ...LOGIN, KAFKA_SASL_MECHANISM: 'GSSAPI' });

    expect(faults).toEqual([{ name: 'KAFKA_SASL_MECHANISM', reason: expect.any(String) }]);
  });

  it('never show the password', () => {
    const { settings } = read(LOGIN);

    expect(settings.find(({ name }) => name === 'KAFKA_SASL_PASSWORD')?.shown).toBe('********');
    expect(JSON.stringify(settings)).not.toContain('s3cret');
  });
});

describe('a login to Kafka', () => {
  it.each(Object.keys(LOGIN))('is refused when only %s is missing', (missing) => {
    const { [missing]: _, ...rest } = LOGIN as Record<string, string>;

    const others = Object.keys(rest).join(' and ');
    expect(read(rest).faults).toEqual([
      { name: missing, reason: `must be set, because ${others} is` },
    ]);
  });

  it('is refused for each part that is missing', () => {
    const { faults } = read({ KAFKA_SASL_USER: 'gotrack' });

    expect(faults.map(({ name }) => name)).toEqual(['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_PASSWORD']);
  });

  it('warns when the password travels in the clear', () => {
    expect(warningsFor({ ...LOGIN, KAFKA_TLS: 'false' })).toEqual([
      expect.stringMatching(/^KAFKA_TLS=false: .*set KAFKA_TLS to true/),
    ]);
  });
});

describe('TLS to Kafka', () => {
  it.each<[variables: Variables, usesTls: boolean]>([
    [{}, false],
    [{ KAFKA_TLS: 'true' }, true],
    [{ KAFKA_TLS: 'false' }, false],
    [{ KAFKA_TLS_CA: 'ca.pem' }, true],
    [LOGIN, true],
    [{ ...LOGIN, KAFKA_TLS: 'false' }, false],
    [{ KAFKA_TLS_SKIP_VERIFY: 'true' }, false],
  ])('with %o is on: %s', (variables, usesTls) => {
    const { options, faults } = read(variables);

    expect(faults).toEqual([]);
    expect(options.usesTls).toBe(usesTls);
  });

  it('refuses an authority that would verify nothing', () => {
    expect(read({ KAFKA_TLS: 'false', KAFKA_TLS_CA: 'ca.pem' }).faults).toEqual([
      { name: 'KAFKA_TLS_CA', reason: 'means nothing while KAFKA_TLS is false' },
    ]);
  });

  it('warns when nobody verifies the brokers, and only then', () => {
    const variables = { KAFKA_TLS: 'true', KAFKA_TLS_SKIP_VERIFY: 'true' };

    expect(warningsFor(variables)).toEqual([
      expect.stringMatching(/^KAFKA_TLS_SKIP_VERIFY=true: .*set KAFKA_TLS_CA/),
    ]);
    expect(warningsFor({ ...variables, KAFKA_TLS: 'false' })).toEqual([]);
  });
});
