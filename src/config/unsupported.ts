import type { Fault } from './configuration-error.js';
import { fileVariable, type Variables } from './variables.js';

/** Secrets of the product contract. */
export const CONTRACT_SECRETS: readonly string[] = [
  'HMAC_SECRET',
  'IP_HASH_SECRET',
  'INGEST_API_KEYS',
  'KAFKA_SASL_PASSWORD',
  'METRICS_BEARER_TOKEN',
  'PG_DSN',
];

/** Every variable of the product contract, supported or not, but for the `NAME_FILE` of the secrets. */
export const CONTRACT_NAMES: readonly string[] = [
  ...CONTRACT_SECRETS,
  'BATCH_SIZE',
  'CORS_ORIGINS',
  'DEAD_LETTER_MAX_MB',
  'DEAD_LETTER_PATH',
  'ENABLE_HTTPS',
  'FLUSH_INTERVAL_MS',
  'FORWARD_DESTINATION',
  'GEOIP_DB',
  'HMAC_PUBLIC_KEY',
  'KAFKA_ACKS',
  'KAFKA_BROKERS',
  'KAFKA_COMPRESSION',
  'KAFKA_SASL_MECHANISM',
  'KAFKA_SASL_USER',
  'KAFKA_TLS',
  'KAFKA_TLS_CA',
  'KAFKA_TLS_SKIP_VERIFY',
  'KAFKA_TOPIC',
  'LOG_BACKUPS',
  'LOG_LEVEL',
  'LOG_MAX_AGE_DAYS',
  'LOG_PATH',
  'LOG_ROTATE_MB',
  'MAX_BATCH_EVENTS',
  'MAX_BODY_BYTES',
  'MAX_EVENT_BYTES',
  'METRICS_ADDR',
  'METRICS_CLIENT_CA',
  'METRICS_ENABLED',
  'METRICS_REQUIRE_TLS',
  'METRICS_TLS_CERT',
  'METRICS_TLS_KEY',
  'NODE_ENV',
  'OUTPUTS',
  'PG_BATCH_SIZE',
  'PG_COPY',
  'PG_FLUSH_MS',
  'PG_TABLE',
  'PRIVACY_SIGNALS',
  'QUEUE_MAX_MB',
  'QUEUE_PATH',
  'RATE_LIMIT_RPS',
  'REQUIRE_HMAC',
  'SANITIZE_PARAMS',
  'SERVER_ADDR',
  'SHUTDOWN_DELAY_MS',
  'SHUTDOWN_TIMEOUT_MS',
  'SSL_CERT_FILE',
  'SSL_KEY_FILE',
  'TEST_MODE',
  'TRUST_PROXY',
];

/** Read by the loading itself: it names the env file. */
const SUPPORTED_WITHOUT_DECLARATION = 'NODE_ENV';

const REASONS = new Map([
  ['FORWARD_DESTINATION', 'GoTrack does not forward requests as the Go service did; unset it'],
]);

/** Variables of the contract that are set and that nothing reads yet: ignoring `REQUIRE_HMAC` would be a lie. */
export function unsupportedFaults(variables: Variables, declared: ReadonlySet<string>): Fault[] {
  return [...CONTRACT_NAMES, ...CONTRACT_SECRETS.map(fileVariable)]
    .filter((name) => name !== SUPPORTED_WITHOUT_DECLARATION && !declared.has(name))
    .filter((name) => variables.has(name))
    .map((name) => ({ name, reason: REASONS.get(name) ?? 'is not supported yet; unset it' }));
}
