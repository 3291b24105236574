import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { describeConfiguration } from '../src/config/describe-configuration.js';
import { renderExampleEnv } from '../src/config/example-env.js';
import { loadConfiguration } from '../src/config/load-configuration.js';
import { settingsOf } from '../src/config/setting.js';
import { UNSUPPORTED } from '../src/config/unsupported.js';
import { OPTIONS_CLASSES } from '../src/program-configuration.js';
import { MetricsOptions } from '../src/metrics/metrics.options.js';

/** Every variable of the product contract, but for `NODE_ENV` and the `NAME_FILE` of the secrets. */
const CONTRACT = `
  SERVER_ADDR COLLECT_PATH PIXEL_PATH VALIDATE MAX_BODY_BYTES MAX_BATCH_EVENTS MAX_EVENT_BYTES TRUST_PROXY
  CLIENT_IP_HEADER KEEP_ALIVE_TIMEOUT_MS ENABLE_HTTPS SSL_CERT_FILE SSL_KEY_FILE CORS_ORIGINS PUBLIC_URL CLIENT_PATH
  HMAC_SECRET REQUIRE_HMAC HMAC_PUBLIC_KEY INGEST_API_KEYS REQUIRE_API_KEY RATE_LIMIT_RPS SOURCE_RATE_LIMITS
  EVENT_SCHEMAS EVENT_SCHEMAS_MODE TEST_MODE LOG_LEVEL LOG_FORMAT
  METRICS_ENABLED METRICS_ADDR METRICS_TLS_CERT METRICS_TLS_KEY METRICS_REQUIRE_TLS METRICS_CLIENT_CA
  METRICS_BEARER_TOKEN METRICS_REQUIRE_AUTH
  QUEUE_PATH QUEUE_MAX_MB BATCH_SIZE FLUSH_INTERVAL_MS SHUTDOWN_DELAY_MS SHUTDOWN_TIMEOUT_MS
  DEAD_LETTER_PATH DEAD_LETTER_MAX_MB
  QUEUE_DRIVER ROLE QUEUE_KAFKA_TOPIC QUEUE_KAFKA_KEY QUEUE_ACK QUEUE_ACK_TIMEOUT_MS QUEUE_WHEN_AWAY INSTANCE_ID
  OUTPUTS LOG_PATH LOG_ROTATE_MB LOG_BACKUPS LOG_MAX_AGE_DAYS
  KAFKA_BROKERS KAFKA_TOPIC KAFKA_ACKS KAFKA_COMPRESSION KAFKA_SASL_MECHANISM KAFKA_SASL_USER KAFKA_SASL_PASSWORD
  KAFKA_TLS KAFKA_TLS_CA KAFKA_TLS_SKIP_VERIFY
  PG_DSN PG_TABLE PG_BATCH_SIZE PG_FLUSH_MS PG_COPY
  CLICKHOUSE_URL CLICKHOUSE_DATABASE CLICKHOUSE_TABLE CLICKHOUSE_USER CLICKHOUSE_PASSWORD
  S3_BUCKET S3_PREFIX S3_REGION S3_ENDPOINT S3_ACCESS_KEY_ID S3_SECRET_ACCESS_KEY S3_FORMAT S3_MAX_MB S3_MAX_AGE_S
  HTTP_SINK_URL HTTP_SINK_TOKEN HTTP_SINK_FORMAT HTTP_SINK_SECRET
  LOG_EVENTS LOG_SOURCES KAFKA_EVENTS KAFKA_SOURCES POSTGRES_EVENTS POSTGRES_SOURCES
  CLICKHOUSE_EVENTS CLICKHOUSE_SOURCES S3_EVENTS S3_SOURCES HTTP_EVENTS HTTP_SOURCES
  IP_HASH_SECRET PRIVACY_SIGNALS SANITIZE_PARAMS DROP_FIELDS HASH_FIELDS HASH_SECRET
  ENRICH_USER_AGENT BOTS GEOIP_DB ENRICH_CHANNEL VISITOR_HASH
  FORWARD_DESTINATION FORWARD_INJECT`
  .trim()
  .split(/\s+/);
const CONTRACT_SECRETS =
  `HMAC_SECRET IP_HASH_SECRET PG_DSN KAFKA_SASL_PASSWORD METRICS_BEARER_TOKEN INGEST_API_KEYS
  HASH_SECRET CLICKHOUSE_PASSWORD S3_SECRET_ACCESS_KEY HTTP_SINK_TOKEN HTTP_SINK_SECRET`.split(
    /\s+/,
  );

const settings = OPTIONS_CLASSES.flatMap((optionsClass) => settingsOf(optionsClass));
const names = settings.map(({ name }) => name);

/** The configuration that starts in the root of the repository with only this environment. */
function load(environment: Record<string, string>) {
  return loadConfiguration(OPTIONS_CLASSES, { environment, directory: process.cwd() });
}

describe('the declarations', () => {
  it('declare each variable once', () => {
    expect(names).toEqual([...new Set(names)]);
  });

  it('have a key each', () => {
    const keys = OPTIONS_CLASSES.map(({ key }) => key);
    expect(keys).toEqual([...new Set(keys)]);
  });

  it('hold every variable of the contract, but for those that are refused as not supported yet', () => {
    const listed = [...names, ...UNSUPPORTED.map(({ name }) => name)];
    const known = new Set(listed);
    expect(CONTRACT.filter((name) => !known.has(name))).toEqual([]);
    expect(listed).toEqual([...known]);
  });

  it('are secret where the contract says so', () => {
    const secrets = new Set(
      [...settings, ...UNSUPPORTED].filter(({ secret }) => secret).map(({ name }) => name),
    );
    expect(CONTRACT.filter((name) => secrets.has(name)).toSorted()).toEqual(
      CONTRACT_SECRETS.toSorted(),
    );
  });

  it('have sound defaults', async () => {
    const configuration = await load({});
    for (const optionsClass of OPTIONS_CLASSES) {
      expect(configuration.get(optionsClass)).toEqual(new optionsClass());
    }
  });
});

describe('config/example.env', () => {
  it('is what the declarations say (vitest -u writes it)', async () => {
    await expect(renderExampleEnv(OPTIONS_CLASSES)).toMatchFileSnapshot('../config/example.env');
  });

  it('sets nothing', async () => {
    const { settings: effective } = await load({ NODE_ENV: 'example' });
    expect(effective.filter(({ source }) => source !== 'default')).toEqual([]);
  });
});

describe('config/development.env', () => {
  it('turns the metrics on, and nothing else', async () => {
    const { settings: effective, warnings } = await load({ NODE_ENV: 'development' });
    expect(warnings).toEqual([]);
    expect(effective.filter(({ source }) => source !== 'default')).toMatchObject([
      { name: 'METRICS_ENABLED', shown: 'true' },
    ]);
  });
});

describe('config/production.env', () => {
  it('is sound, and leaves the metrics off', async () => {
    const configuration = await load({ NODE_ENV: 'production' });
    expect(configuration.warnings).toEqual([]);
    expect(configuration.get(MetricsOptions).enabled).toBe(false);
  });

  it('keeps everything that has to survive under /data', async () => {
    const configuration = await load({ NODE_ENV: 'production' });
    // The others are paths of URLs.
    const paths = configuration.settings.filter(
      ({ name, module }) => name.endsWith('_PATH') && module !== 'paths',
    );
    expect(paths.map(({ name }) => name).toSorted()).toEqual([
      'DEAD_LETTER_PATH',
      'LOG_PATH',
      'QUEUE_PATH',
    ]);
    expect(paths.filter(({ shown }) => !shown?.startsWith('/data/'))).toEqual([]);
  });

  it('has only suggestions in its comments that would be taken', async () => {
    const file = await readFile('config/production.env', 'utf8');
    const suggested = [...file.matchAll(/^#(?<name>\w+)=(?<value>.+)$/gm)].map(
      ({ groups }) => [groups?.['name'] ?? '', groups?.['value'] ?? ''] as const,
    );
    const usable = suggested.filter(([name]) => !name.endsWith('_FILE'));
    expect(usable.length).toBeGreaterThan(0);
    const { settings: effective } = await load({
      NODE_ENV: 'production',
      ...Object.fromEntries(usable),
    });
    const taken = effective.filter(({ source }) => source === 'environment');
    expect(taken.map(({ name }) => name).toSorted()).toEqual(
      usable.map(([name]) => name).toSorted(),
    );
  });
});

describe('the effective configuration', () => {
  it('has a line for each variable', async () => {
    const lines = describeConfiguration(await load({}))
      .trimEnd()
      .split('\n');
    const shown = lines.map((line) => line.split(/\s+/)[1] ?? '');
    expect(shown.toSorted()).toEqual(names.toSorted());
  });
});
