import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileFailure } from '../config/file-failure.js';
import { loadOptions } from '../config/load-options.js';
import { utf8Text } from '../config/utf8-text.js';
import { isFields } from '../event/fields.js';
import { IngestionOptions } from '../ingestion/ingestion.options.js';
import { checkEvents, type RejectedElement } from '../ingestion/schemas/check-events.js';
import { EventSchema } from '../ingestion/schemas/event-schema.js';
import { schemaFaults } from '../ingestion/schemas/followed-schemas.js';
import { SchemasOptions } from '../ingestion/schemas/schemas.options.js';
import type { Options } from './command.js';
import { print, printJson } from './print.js';
import { UsageError } from './usage-error.js';

const NDJSON = /\.(?:ndjson|jsonl)$/i;
const TYPES_OF_JSON = new Set([
  'array',
  'boolean',
  'integer',
  'null',
  'number',
  'object',
  'string',
]);
/** What a schema without a type begins with, and an event does not have. */
const KEYWORDS = [
  '$schema',
  '$id',
  '$ref',
  '$defs',
  'definitions',
  'properties',
  'patternProperties',
  'additionalProperties',
  'required',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'enum',
  'const',
] as const;

/** What came of a file, for programs; `faults` of schemas, `rejected` of events. */
type Outcome =
  | { readonly checked: 'schemas'; readonly faults: readonly string[] }
  | {
      readonly checked: 'events';
      readonly events: number;
      readonly rejected: readonly RejectedElement[];
    };

/** @throws UsageError the file cannot be read, or there is nothing to check its events against */
export async function run(options: Options, path: string): Promise<number> {
  const outcome = await check(path);
  const isGood = (outcome.checked === 'schemas' ? outcome.faults : outcome.rejected).length === 0;
  if (options.has('json')) {
    printJson({ ok: isGood, ...outcome });
  } else {
    print(described(path, outcome));
  }
  return isGood ? 0 : 1;
}

async function check(path: string): Promise<Outcome> {
  try {
    if ((await stat(path)).isDirectory()) {
      return { checked: 'schemas', faults: await schemaFaults(path) };
    }
    const bytes = await readFile(path);
    return NDJSON.test(path) || !isSchema(bytes) ? await eventsIn(path, bytes) : schemaIn(bytes);
  } catch (error) {
    throw error instanceof Error && 'syscall' in error
      ? new UsageError(`${path} cannot be read: ${fileFailure(error)}`)
      : error;
  }
}

function schemaIn(bytes: Buffer): Outcome {
  try {
    EventSchema.compile(bytes);
    return { checked: 'schemas', faults: [] };
  } catch (error) {
    return { checked: 'schemas', faults: [(error as Error).message] };
  }
}

async function eventsIn(path: string, bytes: Buffer): Promise<Outcome> {
  const { folder } = loadOptions(SchemasOptions);
  if (folder === undefined) {
    throw new UsageError(`${path} holds events: set EVENT_SCHEMAS to check them`);
  }
  const text = utf8Text(bytes);
  if (text === undefined) {
    throw new UsageError(`${path} is not in UTF-8`);
  }
  const form = NDJSON.test(path) ? 'ndjson' : 'json';
  const checked = await checkEvents(text, form, loadOptions(IngestionOptions), folder);
  return { checked: 'events', ...checked };
}

/** What is no JSON is left to those who say what is wrong with it. */
function isSchema(bytes: Buffer): boolean {
  let value: unknown;
  try {
    value = JSON.parse(utf8Text(bytes) ?? '');
  } catch {
    return false;
  }
  if (!isFields(value)) {
    return typeof value === 'boolean';
  }
  const { type } = value;
  const fields = value;
  return typeof type === 'string'
    ? TYPES_OF_JSON.has(type)
    : KEYWORDS.some((keyword) => Object.hasOwn(fields, keyword));
}

function described(path: string, outcome: Outcome): string {
  const name = basename(path);
  if (outcome.checked === 'schemas') {
    const { faults } = outcome;
    return faults.length === 0
      ? `${name}: can be used as EVENT_SCHEMAS`
      : faults.map((fault) => `${name}: ${fault}`).join('\n');
  }
  const { events, rejected } = outcome;
  return [
    ...rejected.map(({ index, errors }) => `${name}: index ${index}: ${errors.join('; ')}`),
    rejected.length === 0
      ? `${name}: ${events} event(s), none violates a schema`
      : `${name}: ${rejected.length} of ${events} event(s) would be rejected`,
  ].join('\n');
}
