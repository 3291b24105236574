import { InvalidValueError } from '../config/setting.js';

export type KafkaErrorKind = 'timeout' | 'connection' | 'auth' | 'throttled' | 'disk' | 'other';

/** Kafka did not do what was asked for, and may do it later. No secret is in its message. */
export class KafkaError extends Error {
  override readonly name = 'KafkaError';

  constructor(
    readonly kind: KafkaErrorKind,
    message: string,
    /** One of the protocol's error codes, when it is a broker that says so. */
    readonly code?: number,
  ) {
    super(message);
  }
}

/** Error codes of the Kafka protocol ("Error Codes" in its protocol guide) that are told apart. */
export const CODES = {
  none: 0,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  recordListTooLarge: 18,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  topicAuthorizationFailed: 29,
  clusterAuthorizationFailed: 31,
  saslAuthenticationFailed: 58,
  outOfOrderSequenceNumber: 45,
  duplicateSequenceNumber: 46,
  invalidProducerEpoch: 47,
  invalidProducerIdMapping: 49,
  kafkaStorageError: 56,
  unknownProducerId: 59,
  invalidRecord: 87,
  throttlingQuotaExceeded: 89,
  producerFenced: 90,
} as const;

/** What the records themselves cause, and nothing else does. */
export const CONTENT_CODES: ReadonlySet<number> = new Set([
  CODES.messageTooLarge,
  CODES.recordListTooLarge,
  CODES.invalidRecord,
]);

/** The broker no longer knows the producer: it has to begin again, with a new id. */
export const PRODUCER_CODES: ReadonlySet<number> = new Set([
  CODES.outOfOrderSequenceNumber,
  CODES.invalidProducerEpoch,
  CODES.invalidProducerIdMapping,
  CODES.unknownProducerId,
  CODES.producerFenced,
]);

const WORDS = new Map<number, readonly [kind: KafkaErrorKind, words: string]>([
  [CODES.corruptMessage, ['other', 'a batch arrived damaged']],
  [
    CODES.unknownTopicOrPartition,
    ['other', 'the topic or partition does not exist, or may not be seen'],
  ],
  [CODES.leaderNotAvailable, ['other', 'a partition has no leader']],
  [CODES.notLeaderOrFollower, ['other', 'the leader of a partition has changed']],
  [CODES.requestTimedOut, ['timeout', 'the replicas did not confirm in time']],
  [CODES.notEnoughReplicas, ['other', 'fewer replicas are in sync than min.insync.replicas']],
  [
    CODES.notEnoughReplicasAfterAppend,
    ['other', 'fewer replicas are in sync than min.insync.replicas'],
  ],
  [
    CODES.topicAuthorizationFailed,
    ['auth', 'not authorized; grant WRITE and DESCRIBE on the topic'],
  ],
  [
    CODES.clusterAuthorizationFailed,
    ['auth', 'not authorized; grant IDEMPOTENT_WRITE on the cluster, or WRITE on the topic'],
  ],
  [CODES.saslAuthenticationFailed, ['auth', 'the user or password is wrong']],
  [CODES.kafkaStorageError, ['disk', 'a broker cannot use its disk']],
  [CODES.throttlingQuotaExceeded, ['throttled', 'a quota is exceeded']],
]);

export function codeError(code: number, serverMessage?: string | null): KafkaError {
  const [kind, words] = WORDS.get(code) ?? ['other', 'the request failed'];
  const detail = serverMessage ? `: ${serverMessage}` : '';
  return new KafkaError(kind, `Kafka says: ${words} (error code ${code})${detail}`, code);
}

/** Any failure on the way to Kafka; an error of the client may hold what was sent, so it is not kept. */
export function asKafkaError(error: unknown): KafkaError {
  if (error instanceof KafkaError) {
    return error;
  }
  if (error instanceof InvalidValueError) {
    return new KafkaError('other', error.message);
  }
  const chain = causes(error);
  const code = chain.map((cause) => Reflect.get(cause, 'apiCode')).find(isFailure);
  if (code !== undefined) {
    return codeError(code);
  }
  const message = [...new Set(chain.map((cause) => cause.message))].join(': ');
  return new KafkaError(kindOf(chain, message), `Kafka cannot be used: ${message}`);
}

function isFailure(code: unknown): code is number {
  return typeof code === 'number' && code > 0;
}

function kindOf(chain: readonly Error[], message: string): KafkaErrorKind {
  if (chain.some(({ code }: NodeJS.ErrnoException) => code === 'PLT_KFK_AUTHENTICATION')) {
    return 'auth';
  }
  return /timed out|ETIMEDOUT/i.test(message) ? 'timeout' : 'connection';
}

/** The error, what caused it, and so on; of several at once, each. */
function causes(error: unknown): Error[] {
  if (!(error instanceof Error)) {
    return [];
  }
  const several = error instanceof AggregateError ? error.errors.slice(0, 3) : [];
  return [error, ...several.flatMap(causes), ...causes(error.cause)];
}
