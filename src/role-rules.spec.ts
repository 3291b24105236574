import { describe, expect, it } from 'vitest';
import { ConfigurationError } from './config/configuration-error.js';
import { loadProgramConfiguration } from './program-configuration.js';

const KAFKA = { QUEUE_DRIVER: 'kafka', KAFKA_BROKERS: 'broker:9092', INSTANCE_ID: 'one' };

async function faultsOf(environment: Record<string, string>): Promise<Record<string, string>> {
  try {
    await loadProgramConfiguration({ environment, directory: '/nowhere' });
    return {};
  } catch (error) {
    if (!(error instanceof ConfigurationError)) {
      throw error;
    }
    return Object.fromEntries(error.faults.map(({ name, reason }) => [name, reason]));
  }
}

describe('the settings of a role', () => {
  it.each([
    {},
    { ROLE: 'all' },
    KAFKA,
    { ...KAFKA, ROLE: 'Ingest' },
    { ...KAFKA, ROLE: 'deliver', METRICS_ENABLED: 'true' },
    { ...KAFKA, KAFKA_BROKERS: 'localhost:9092' },
    { ...KAFKA, OUTPUTS: 'log,kafka' },
    { ...KAFKA, KAFKA_TOPIC: 'gotrack.queue' },
  ])('are sound: %j', async (environment) => {
    expect(await faultsOf(environment)).toEqual({});
  });

  it.each(['ingest', 'deliver'])('let %s have a topic', async (role) => {
    expect(await faultsOf({ ROLE: role, METRICS_ENABLED: 'true' })).toEqual({
      ROLE: expect.stringContaining('set QUEUE_DRIVER to kafka'),
    });
  });

  it('let deliver have an address for its health', async () => {
    expect(await faultsOf({ ...KAFKA, ROLE: 'deliver' })).toEqual({
      METRICS_ENABLED: expect.stringContaining('must be true'),
    });
  });

  it('name the brokers of the topic', async () => {
    expect(await faultsOf({ QUEUE_DRIVER: 'kafka', INSTANCE_ID: 'one' })).toEqual({
      KAFKA_BROKERS: 'must be set, because QUEUE_DRIVER is kafka',
    });
  });

  it.each([
    [{ OUTPUTS: 'kafka', KAFKA_TOPIC: 'gotrack.queue' }, 'KAFKA_TOPIC'],
    [{ OUTPUTS: 'kafka', KAFKA_TOPIC: 'mine', QUEUE_KAFKA_TOPIC: 'mine' }, 'KAFKA_TOPIC'],
    [{ OUTPUTS: 'kafka', KAFKA_TOPIC: 'gotrack.sinks' }, 'KAFKA_TOPIC'],
    [{ QUEUE_KAFKA_TOPIC: 'gotrack.sinks' }, 'QUEUE_KAFKA_TOPIC'],
  ])('deliver into no topic of the queue: %j', async (environment, name) => {
    expect(await faultsOf({ ...KAFKA, ...environment })).toEqual({
      [name]: expect.stringContaining('must be another'),
    });
  });

  it.each([
    [{ QUEUE_DRIVER: 'redis' }, 'QUEUE_DRIVER'],
    [{ ROLE: 'worker' }, 'ROLE'],
    [{ QUEUE_KAFKA_TOPIC: 'no blanks' }, 'QUEUE_KAFKA_TOPIC'],
    [{ QUEUE_KAFKA_KEY: 'session_id' }, 'QUEUE_KAFKA_KEY'],
    [{ QUEUE_ACK: 'none' }, 'QUEUE_ACK'],
    [{ QUEUE_ACK_TIMEOUT_MS: '0' }, 'QUEUE_ACK_TIMEOUT_MS'],
    [{ QUEUE_WHEN_AWAY: 'drop' }, 'QUEUE_WHEN_AWAY'],
    [{ INSTANCE_ID: 'no/slash' }, 'INSTANCE_ID'],
  ])('are refused when they cannot be read: %j', async (environment, name) => {
    expect(Object.keys(await faultsOf({ ...KAFKA, ...environment }))).toEqual([name]);
  });

  it('ask ingest for nothing that a sink needs', async () => {
    expect(await faultsOf({ ...KAFKA, OUTPUTS: 'postgres' })).toHaveProperty('PG_DSN');
    expect(await faultsOf({ ...KAFKA, OUTPUTS: 'postgres', ROLE: 'ingest' })).toEqual({});
    const inFile = { ...KAFKA, OUTPUTS: 'postgres', PG_DSN_FILE: '/no/dsn' };
    expect(await faultsOf(inFile)).toHaveProperty('PG_DSN_FILE');
    expect(await faultsOf({ ...inFile, ROLE: 'ingest' })).toEqual({});
  });

  it('let every role have what its connection to Kafka needs', async () => {
    const login = { KAFKA_SASL_USERNAME: 'me', KAFKA_SASL_PASSWORD_FILE: '/no/password' };
    for (const role of ['all', 'ingest', 'deliver']) {
      const environment = { ...KAFKA, ...login, ROLE: role, METRICS_ENABLED: 'true' };
      expect(Object.keys(await faultsOf(environment))).toContain('KAFKA_SASL_PASSWORD_FILE');
    }
  });

  it('ask deliver for nothing that the collector needs', async () => {
    const https = { ENABLE_HTTPS: 'true', SSL_CERT_FILE: '/no/cert', SSL_KEY_FILE: '/no/key' };
    const secrets = { HASH_SECRET_FILE: '/no/secret', INGEST_API_KEYS_FILE: '/no/keys' };
    const files = { ...https, GEOIP_DB: '/no/such.mmdb', EVENT_SCHEMAS: '/no/schemas' };
    expect(Object.keys(await faultsOf({ ...KAFKA, ...secrets }))).toEqual(Object.keys(secrets));
    expect(Object.keys(await faultsOf({ ...KAFKA, ...files }))).toEqual(
      expect.arrayContaining(['SSL_CERT_FILE', 'GEOIP_DB', 'EVENT_SCHEMAS']),
    );
    const collector = { ...secrets, ...files, HASH_FIELDS: 'props.mail' };
    const deliver = { ...KAFKA, ...collector, ROLE: 'deliver', METRICS_ENABLED: 'true' };
    expect(await faultsOf(deliver)).toEqual({});
  });
});
