import { InvalidValueError } from '../config/setting.js';
import { HangingCallError } from '../threads/bounded-calls.js';
import { nameOf } from './protocol-codes.js';

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

type Meaning = readonly [kind: KafkaErrorKind, words: string];

const NO_LEADER: Meaning = ['other', 'a partition has no leader'];
const LEADER_CHANGED: Meaning = ['other', 'the leader of a partition has changed'];
const PRODUCER_LOST: Meaning = [
  'other',
  'the brokers no longer know the producer, it begins again',
];
const STARTING: Meaning = ['other', 'the cluster is starting'];
const TOO_FEW_REPLICAS: Meaning = [
  'other',
  'fewer replicas are in sync than min.insync.replicas; start the brokers that are missing',
];
const NOT_CREATED = 'the topic is missing and cannot be created by itself; create it';
const BAD_DISK: Meaning = ['disk', 'a broker cannot use its disk'];

/** What a code means to who runs GoTrack, and what can be done about it. */
const MEANINGS: Readonly<Partial<Record<string, Meaning>>> = {
  UNKNOWN_SERVER_ERROR: ['other', 'a broker met an error of its own; see its log'],
  CORRUPT_MESSAGE: ['other', 'a batch arrived damaged'],
  UNKNOWN_TOPIC_OR_PARTITION: [
    'other',
    'the topic or partition does not exist, or may not be seen',
  ],
  LEADER_NOT_AVAILABLE: NO_LEADER,
  NOT_LEADER_OR_FOLLOWER: LEADER_CHANGED,
  REQUEST_TIMED_OUT: ['timeout', 'the replicas did not confirm in time'],
  BROKER_NOT_AVAILABLE: ['connection', 'a broker is not available'],
  REPLICA_NOT_AVAILABLE: ['other', 'a replica is not available'],
  MESSAGE_TOO_LARGE: ['other', 'a request is larger than the topic takes (max.message.bytes)'],
  NETWORK_EXCEPTION: ['connection', 'a broker lost a connection of its own'],
  COORDINATOR_LOAD_IN_PROGRESS: STARTING,
  COORDINATOR_NOT_AVAILABLE: STARTING,
  NOT_COORDINATOR: STARTING,
  INVALID_TOPIC_EXCEPTION: ['other', 'the brokers take no records for a topic of this name'],
  RECORD_LIST_TOO_LARGE: [
    'other',
    'what was sent is larger than a segment of the topic (segment.bytes)',
  ],
  NOT_ENOUGH_REPLICAS: TOO_FEW_REPLICAS,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: TOO_FEW_REPLICAS,
  INVALID_REQUIRED_ACKS: ['other', 'the brokers do not know this number of acks'],
  TOPIC_AUTHORIZATION_FAILED: ['auth', 'not authorized; grant WRITE and DESCRIBE on the topic'],
  GROUP_AUTHORIZATION_FAILED: ['auth', 'not authorized; grant READ on the consumer group'],
  CLUSTER_AUTHORIZATION_FAILED: [
    'auth',
    'not authorized; grant IDEMPOTENT_WRITE on the cluster, or WRITE on the topic',
  ],
  INVALID_TIMESTAMP: [
    'other',
    "the time of sending is outside of what the topic takes; set the clocks of this machine and the brokers right, or widen the topic's message.timestamp.before.max.ms and message.timestamp.after.max.ms",
  ],
  UNSUPPORTED_SASL_MECHANISM: [
    'auth',
    'the brokers do not offer this mechanism; set KAFKA_SASL_MECHANISM to one of their sasl.enabled.mechanisms',
  ],
  ILLEGAL_SASL_STATE: [
    'auth',
    'this listener takes no login; name the port of a listener with SASL in KAFKA_BROKERS, or unset KAFKA_SASL_MECHANISM, KAFKA_SASL_USER and KAFKA_SASL_PASSWORD',
  ],
  UNSUPPORTED_VERSION: [
    'other',
    'the brokers do not speak this version of a request; Kafka 2.4 or later is needed',
  ],
  INVALID_PARTITIONS: ['other', `${NOT_CREATED} (num.partitions is below 1)`],
  INVALID_REPLICATION_FACTOR: [
    'other',
    `${NOT_CREATED}, or start more brokers (default.replication.factor)`,
  ],
  INVALID_CONFIG: ['other', NOT_CREATED],
  NOT_CONTROLLER: ['other', 'the controller has changed'],
  INVALID_REQUEST: ['other', 'a broker does not understand a request; see its log'],
  UNSUPPORTED_FOR_MESSAGE_FORMAT: [
    'other',
    "the topic's message format is too old (message.format.version)",
  ],
  POLICY_VIOLATION: ['other', `${NOT_CREATED} (a policy of the cluster)`],
  OUT_OF_ORDER_SEQUENCE_NUMBER: PRODUCER_LOST,
  DUPLICATE_SEQUENCE_NUMBER: ['other', 'the brokers have the batch already'],
  INVALID_PRODUCER_EPOCH: PRODUCER_LOST,
  INVALID_PRODUCER_ID_MAPPING: PRODUCER_LOST,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: ['auth', 'not authorized for the transactional id'],
  KAFKA_STORAGE_ERROR: BAD_DISK,
  LOG_DIR_NOT_FOUND: BAD_DISK,
  SASL_AUTHENTICATION_FAILED: ['auth', 'the user or password is wrong'],
  UNKNOWN_PRODUCER_ID: PRODUCER_LOST,
  LISTENER_NOT_FOUND: [
    'other',
    'the leader of a partition lacks this listener; give all brokers the same',
  ],
  FENCED_LEADER_EPOCH: LEADER_CHANGED,
  UNKNOWN_LEADER_EPOCH: LEADER_CHANGED,
  UNSUPPORTED_COMPRESSION_TYPE: ['other', 'the brokers do not take this compression'],
  STALE_BROKER_EPOCH: STARTING,
  INVALID_RECORD: ['other', 'the topic does not take such a record'],
  THROTTLING_QUOTA_EXCEEDED: ['throttled', 'a quota is exceeded'],
  PRODUCER_FENCED: PRODUCER_LOST,
  PRINCIPAL_DESERIALIZATION_FAILURE: [
    'auth',
    'the brokers cannot pass on who has logged in; see their logs',
  ],
  UNKNOWN_TOPIC_ID: ['other', 'the topic was deleted, or created again'],
  INCONSISTENT_TOPIC_ID: ['other', 'the topic was deleted, or created again'],
};

/** @param words instead of what the code means in general */
export function wordsOf(code: number, serverMessage?: string | null, words?: string): string {
  const said = words ?? MEANINGS[nameOf(code)]?.[1] ?? 'the request failed';
  const detail = serverMessage ? `: ${serverMessage}` : '';
  return `Kafka says: ${said} (${nameOf(code)}, error code ${code})${detail}`;
}

export function codeError(code: number, serverMessage?: string | null): KafkaError {
  const kind = MEANINGS[nameOf(code)]?.[0] ?? 'other';
  return new KafkaError(kind, wordsOf(code, serverMessage), code);
}

/** Any failure on the way to Kafka; an error of the client may hold what was sent, so it is not kept. */
export function asKafkaError(error: unknown): KafkaError {
  if (error instanceof KafkaError) {
    return error;
  }
  if (error instanceof InvalidValueError) {
    return new KafkaError('other', error.message);
  }
  if (error instanceof HangingCallError) {
    return new KafkaError('timeout', `Kafka cannot be used: ${error.message}`);
  }
  const chain = causes(error);
  const codes = chain.map((cause) => Reflect.get(cause, 'apiCode')).filter(isFailure);
  // The client gives the reasons for single records the code -1.
  const code = codes.find((one) => one > 0) ?? codes[0];
  if (code !== undefined) {
    return codeError(code);
  }
  const message = [...new Set(chain.map((cause) => cause.message))].join(': ');
  return new KafkaError(kindOf(chain, message), `Kafka cannot be used: ${message}`);
}

function isFailure(code: unknown): code is number {
  return typeof code === 'number' && code !== 0;
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
