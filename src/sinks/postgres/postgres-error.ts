import { DatabaseError } from 'pg';
import type { SinkErrorType } from '../../event/reasons.js';
import { RejectedBatchError, RetryableSinkError } from '../sink.js';

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

/** Classes of errors that the values cause: data exception, integrity constraint violation. */
const CONTENT_CLASSES = new Set(['22', '23']);

/** The server's refusal of what the batch contains; undefined when that is not what is wrong. */
export function asRefusal(error: unknown): RejectedBatchError | undefined {
  // Without its detail, which repeats the row.
  return error instanceof DatabaseError && CONTENT_CLASSES.has(sqlClass(error))
    ? new RejectedBatchError(described(error))
    : undefined;
}

/** What any other failure means for the lane. Neither a row nor the DSN is in its message. */
export function asSinkError(error: unknown): RetryableSinkError {
  if (error instanceof DatabaseError) {
    const { code = '' } = error;
    const advice = ADVICE.get(code);
    return new RetryableSinkError(
      TYPES.get(code) ?? TYPES.get(sqlClass(error)) ?? 'other',
      advice === undefined ? described(error) : `${described(error)}: ${advice}`,
    );
  }
  const message = networkMessage(error);
  return new RetryableSinkError(networkType(message), `PostgreSQL cannot be used: ${message}`);
}

function sqlClass({ code = '' }: DatabaseError): string {
  return code.slice(0, 2);
}

function described({ code, message }: DatabaseError): string {
  return `PostgreSQL says: ${message} (SQLSTATE ${code})`;
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
