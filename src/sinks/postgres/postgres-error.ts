import { DatabaseError } from 'pg';
import type { SinkErrorType } from '../../event/reasons.js';
import { RejectedBatchError, RetryableSinkError, type RetryableErrorOptions } from '../sink.js';

type RetryableType = Exclude<SinkErrorType, 'rejected'>;

/** By SQLSTATE, or its class: the first two characters ("PostgreSQL Error Codes" in its manual). */
const TYPES = new Map<string, RetryableType>([
  ['08', 'connection'],
  ['57P01', 'connection'],
  ['57P02', 'connection'],
  ['57P03', 'connection'],
  ['57P05', 'connection'],
  ['25P03', 'timeout'],
  ['25P04', 'timeout'],
  ['55P03', 'timeout'],
  ['57014', 'timeout'],
  ['28', 'auth'],
  ['42501', 'auth'],
  ['53', 'throttled'],
  ['53100', 'disk'],
  ['58030', 'disk'],
]);

/** What the operator can do about it. */
const ADVICE = new Map([
  ['25006', 'the server is read-only, as a standby is: PG_DSN must lead to the primary'],
  ['42P01', 'create the table, or restart GoTrack, which creates it when its role may'],
  ['42P10', 'event_id must have a unique constraint'],
  ['42501', 'grant this right to the role of PG_DSN'],
  ['53100', 'free some space on the server'],
]);

/** By SQLSTATE, or its class: what the values cause (data exception, integrity constraint violation). */
const ABOUT_EVENTS = anyOf('22', '23');
/** And what no event causes, though `2200H`, a sequence that is at its end, is of class 22. */
const ABOUT_THE_SERVER = anyOf('2200H', '08', '25', '28', '40', '53', '55', '57', '58');

/** Where the server's own texts hold names and numbers only. Those of class 22 quote values. */
const PLAIN_TEXTS = anyOf(
  '2200H',
  '08',
  '0A',
  '23',
  '25',
  '28',
  '3D',
  '3F',
  '40',
  '42',
  '53',
  '54',
  '55',
  '57',
  '58',
);
/** The place in a COPY that the server has come to. Anything else is a function, which may have put the text together. */
const PLAIN_PLACE = /^COPY [^\n]*$/;
/** Sources of the server's procedural languages, in which a function may give any text for a name, too. */
const PROCEDURAL = /^pl/;

/**
 * What a failure of writing a batch means: the server refuses what the batch contains, or the batch may succeed later.
 * No part of an event is in the message.
 */
export function asWriteError(error: unknown): RejectedBatchError | RetryableSinkError {
  if (!(error instanceof DatabaseError)) {
    return asSinkError(error);
  }
  const verdict = verdictOn(error);
  if (verdict === 'event') {
    return new RejectedBatchError(described(error), verbatim(error));
  }
  return retryable(error, { suspect: verdict === 'suspect', verbatim: verbatim(error) });
}

/** What any other failure means for the lane: no event has a part in it. The DSN is not in its message. */
export function asSinkError(error: unknown): RetryableSinkError {
  if (error instanceof DatabaseError) {
    return retryable(error);
  }
  const message = networkMessage(error);
  return new RetryableSinkError(networkType(message), `PostgreSQL cannot be used: ${message}`);
}

function retryable(error: DatabaseError, options?: RetryableErrorOptions): RetryableSinkError {
  const { code = '' } = error;
  const advice = ADVICE.get(code);
  return new RetryableSinkError(
    TYPES.get(code) ?? TYPES.get(sqlClass(code)) ?? 'other',
    advice === undefined ? described(error) : `${described(error)}: ${advice}`,
    options,
  );
}

function verdictOn({ code = '' }: DatabaseError): 'event' | 'server' | 'suspect' {
  // Without a SQLSTATE it is not the server that speaks.
  if (code === '' || ABOUT_THE_SERVER(code)) {
    return 'server';
  }
  return ABOUT_EVENTS(code) ? 'event' : 'suspect';
}

function anyOf(...codesAndClasses: readonly string[]): (code: string) => boolean {
  const set = new Set(codesAndClasses);
  return (code) => set.has(code) || set.has(sqlClass(code));
}

function sqlClass(code: string): string {
  return code.slice(0, 2);
}

/** The server's text where no value can be in it, else the names that it gives. Never its detail, which repeats the row. */
function described(error: DatabaseError): string {
  return isPlain(error)
    ? words(error)
    : `PostgreSQL fails with SQLSTATE ${error.code}${namesOf(error)}, its own log says why`;
}

function verbatim(error: DatabaseError): string | undefined {
  return isPlain(error) ? undefined : words(error);
}

function isPlain({ code = '', where = '' }: DatabaseError): boolean {
  return PLAIN_TEXTS(code) && (where === '' || PLAIN_PLACE.test(where));
}

function words({ code, message }: DatabaseError): string {
  return `PostgreSQL says: ${message} (SQLSTATE ${code})`;
}

function namesOf({ table, column, constraint, file = '' }: DatabaseError): string {
  if (PROCEDURAL.test(file)) {
    return '';
  }
  const names = Object.entries({ table, column, constraint })
    .filter(([, name]) => name !== undefined)
    .map(([kind, name]) => `${kind} "${name}"`);
  return names.length === 0 ? '' : ` (${names.join(', ')})`;
}

function networkMessage(error: unknown): string {
  // A host with several addresses gives several errors, and an empty message for them all.
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return cause instanceof Error ? cause.message : String(cause);
}

/** The driver and the system have no codes in common; their words are all there is. */
function networkType(message: string): RetryableType {
  if (/ETIMEDOUT|timeout/i.test(message)) {
    return 'timeout';
  }
  return /password|SASL|SCRAM/i.test(message) ? 'auth' : 'connection';
}
