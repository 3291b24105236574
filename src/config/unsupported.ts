import type { Fault } from './configuration-error.js';
import { boolean } from './parsers.js';
import { namesOf, type Variables } from './variables.js';

/** A variable of the product contract that nothing reads yet. Once it is declared with `@Setting`, its line goes. */
export interface UnsupportedVariable {
  readonly name: string;
  /** What happens when it is unset. Without a default, every value is refused. */
  readonly default?: string | boolean;
  readonly secret?: true;
  /** Why it is refused, where it is not going to be supported. */
  readonly reason?: string;
}

const SINKS = ['LOG', 'KAFKA', 'POSTGRES', 'CLICKHOUSE', 'S3', 'HTTP'];

export const UNSUPPORTED: readonly UnsupportedVariable[] = [
  {
    name: 'METRICS_REQUIRE_AUTH',
    default: false,
    reason:
      'is not a variable of GoTrack; set METRICS_BEARER_TOKEN, or METRICS_CLIENT_CA for client certificates, and unset it',
  },

  { name: 'CLICKHOUSE_URL', default: 'http://localhost:8123' },
  { name: 'CLICKHOUSE_DATABASE' },
  { name: 'CLICKHOUSE_TABLE', default: 'events' },
  { name: 'CLICKHOUSE_USER' },
  { name: 'CLICKHOUSE_PASSWORD', secret: true },
  { name: 'S3_BUCKET' },
  { name: 'S3_PREFIX' },
  { name: 'S3_REGION' },
  { name: 'S3_ENDPOINT' },
  { name: 'S3_ACCESS_KEY_ID' },
  { name: 'S3_SECRET_ACCESS_KEY', secret: true },
  { name: 'S3_FORMAT', default: 'ndjson.gz' },
  { name: 'S3_MAX_MB' },
  { name: 'S3_MAX_AGE_S' },
  { name: 'HTTP_SINK_URL' },
  { name: 'HTTP_SINK_TOKEN', secret: true },
  { name: 'HTTP_SINK_FORMAT', default: 'json' },
  { name: 'HTTP_SINK_SECRET', secret: true },
  ...SINKS.flatMap((sink) => [{ name: `${sink}_EVENTS` }, { name: `${sink}_SOURCES` }]),

  { name: 'FORWARD_DESTINATION' },
  { name: 'FORWARD_INJECT', default: true },
];

/** Refuses what is set to something other than its default: ignoring `ROLE` would be a lie. */
export function unsupportedFaults(variables: Variables, declared: ReadonlySet<string>): Fault[] {
  return UNSUPPORTED.filter(({ name }) => !declared.has(name)).flatMap((variable) =>
    namesOf(variable)
      .filter((name) => !isDefault(variable, variables.get(name)?.text))
      .map((name) => ({ name, reason: variable.reason ?? 'is not supported yet; unset it' })),
  );
}

/** Booleans may be written in any form that is read as the same value. */
function isDefault({ default: value }: UnsupportedVariable, text: string | undefined): boolean {
  try {
    if (text === undefined) {
      return true;
    }
    return typeof value === 'boolean' ? boolean(text) === value : text === value;
  } catch {
    return false;
  }
}
