import {
  AuthenticationError,
  MultipleErrors,
  NetworkError,
  ProtocolError,
  protocolErrors,
  TimeoutError,
} from '@platformatic/kafka';
import { describe, expect, it } from 'vitest';
import { InvalidValueError } from '../config/setting.js';
import { asKafkaError, codeError, KafkaError } from './kafka-error.js';
import { nameOf } from './protocol-codes.js';

/** Those that a broker may answer to what GoTrack asks: Produce, Metadata, InitProducerId, DescribeConfigs, Sasl*. */
const USUAL = `
  UNKNOWN_SERVER_ERROR CORRUPT_MESSAGE UNKNOWN_TOPIC_OR_PARTITION LEADER_NOT_AVAILABLE
  NOT_LEADER_OR_FOLLOWER REQUEST_TIMED_OUT BROKER_NOT_AVAILABLE REPLICA_NOT_AVAILABLE
  MESSAGE_TOO_LARGE NETWORK_EXCEPTION COORDINATOR_LOAD_IN_PROGRESS COORDINATOR_NOT_AVAILABLE
  NOT_COORDINATOR INVALID_TOPIC_EXCEPTION RECORD_LIST_TOO_LARGE NOT_ENOUGH_REPLICAS
  NOT_ENOUGH_REPLICAS_AFTER_APPEND INVALID_REQUIRED_ACKS TOPIC_AUTHORIZATION_FAILED
  CLUSTER_AUTHORIZATION_FAILED INVALID_TIMESTAMP UNSUPPORTED_SASL_MECHANISM ILLEGAL_SASL_STATE
  UNSUPPORTED_VERSION INVALID_PARTITIONS INVALID_REPLICATION_FACTOR INVALID_CONFIG NOT_CONTROLLER
  INVALID_REQUEST UNSUPPORTED_FOR_MESSAGE_FORMAT POLICY_VIOLATION OUT_OF_ORDER_SEQUENCE_NUMBER
  DUPLICATE_SEQUENCE_NUMBER INVALID_PRODUCER_EPOCH INVALID_PRODUCER_ID_MAPPING
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED KAFKA_STORAGE_ERROR LOG_DIR_NOT_FOUND
  SASL_AUTHENTICATION_FAILED UNKNOWN_PRODUCER_ID LISTENER_NOT_FOUND FENCED_LEADER_EPOCH
  UNKNOWN_LEADER_EPOCH UNSUPPORTED_COMPRESSION_TYPE INVALID_RECORD THROTTLING_QUOTA_EXCEEDED
  PRODUCER_FENCED UNKNOWN_TOPIC_ID INCONSISTENT_TOPIC_ID
`
  .trim()
  .split(/\s+/);

const codeOf = (name: string): number => protocolErrors[name]?.code ?? NaN;

describe('codeError', () => {
  it.each([
    ['REQUEST_TIMED_OUT', 'timeout'],
    ['TOPIC_AUTHORIZATION_FAILED', 'auth'],
    ['CLUSTER_AUTHORIZATION_FAILED', 'auth'],
    ['UNSUPPORTED_SASL_MECHANISM', 'auth'],
    ['ILLEGAL_SASL_STATE', 'auth'],
    ['SASL_AUTHENTICATION_FAILED', 'auth'],
    ['KAFKA_STORAGE_ERROR', 'disk'],
    ['LOG_DIR_NOT_FOUND', 'disk'],
    ['THROTTLING_QUOTA_EXCEEDED', 'throttled'],
    ['CORRUPT_MESSAGE', 'other'],
    ['UNKNOWN_TOPIC_OR_PARTITION', 'other'],
    ['LEADER_NOT_AVAILABLE', 'other'],
    ['NOT_LEADER_OR_FOLLOWER', 'other'],
    ['NOT_ENOUGH_REPLICAS', 'other'],
    ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'other'],
    ['INVALID_TIMESTAMP', 'other'],
  ] as const)('takes %s for the kind %s', (name, kind) => {
    expect(codeError(codeOf(name))).toMatchObject({ kind, code: codeOf(name) });
  });

  it.each(USUAL)('has words for %s', (name) => {
    const { message } = codeError(codeOf(name));

    expect(message).toContain(`(${name}, error code ${codeOf(name)})`);
    expect(message).not.toContain('the request failed');
  });

  it("has the server's words after its own", () => {
    expect(codeError(19, 'ISR is 1').message).toBe(
      'Kafka says: fewer replicas are in sync than min.insync.replicas; start the brokers that are missing (NOT_ENOUGH_REPLICAS, error code 19): ISR is 1',
    );
  });

  it.each(Object.values(protocolErrors))('gives $code its name, $id', ({ code, id }) => {
    expect(codeError(code).message).toContain(`(${id}, error code ${code})`);
  });

  it('gives the code of what it does not know', () => {
    expect(codeError(9999)).toMatchObject({
      kind: 'other',
      message:
        'Kafka says: the request failed (a code that GoTrack does not know, error code 9999)',
    });
  });

  it.each([
    [29, 'WRITE and DESCRIBE'],
    [32, 'clocks'],
    [32, 'message.timestamp.before.max.ms'],
    [32, 'message.timestamp.after.max.ms'],
    [33, 'KAFKA_SASL_MECHANISM'],
    [34, 'unset KAFKA_SASL_MECHANISM'],
  ])('says of %d what to do: %s', (code, words) => {
    expect(codeError(code).message).toContain(words);
  });
});

describe('nameOf', () => {
  it('knows the codes of the current Kafka, beyond those of the client', () => {
    expect(nameOf(133)).toBe('SHARE_SESSION_LIMIT_REACHED');
  });
});

describe('asKafkaError', () => {
  it("finds Kafka's answer among the causes", () => {
    const answer = new ProtocolError('TOPIC_AUTHORIZATION_FAILED');
    const error = asKafkaError(
      new NetworkError('it went wrong', { cause: new MultipleErrors('several', [answer]) }),
    );

    expect(error).toMatchObject({
      kind: 'auth',
      message: expect.stringContaining('error code 29'),
    });
  });

  it('takes a code of the protocol before the reasons for single records', () => {
    const answers = ['UNKNOWN_SERVER_ERROR', 'INVALID_TIMESTAMP'].map(
      (id) => new ProtocolError(id),
    );

    expect(asKafkaError(new MultipleErrors('several', answers))).toMatchObject({ code: 32 });
    expect(asKafkaError(new MultipleErrors('one', answers.slice(0, 1)))).toMatchObject({
      code: -1,
    });
  });

  it.each([
    [new NetworkError('Connection closed'), 'connection', 'Connection closed'],
    [new TimeoutError('Request timed out'), 'timeout', 'Request timed out'],
    [new AuthenticationError('SASL authentication failed.'), 'auth', 'SASL authentication failed.'],
    [new Error('connect ETIMEDOUT 10.0.0.1:9092'), 'timeout', 'ETIMEDOUT'],
    [new AggregateError([new Error('connect ECONNREFUSED ::1:9092')]), 'connection', '::1'],
  ])('takes %s for the kind %s', (cause, kind, words) => {
    const error = asKafkaError(cause);

    expect(error).toBeInstanceOf(KafkaError);
    expect(error).toMatchObject({ kind, message: expect.stringContaining(words) });
    expect(error.message).toMatch(/^Kafka cannot be used: /);
  });

  it('says what caused it, and each cause once', () => {
    const refused = new Error('connect ECONNREFUSED 127.0.0.1:9092');
    const cause = new MultipleErrors('no broker', [
      new NetworkError('no connection', { cause: refused }),
      new NetworkError('no connection', { cause: refused }),
    ]);

    expect(asKafkaError(cause).message).toBe(
      'Kafka cannot be used: no broker: no connection: connect ECONNREFUSED 127.0.0.1:9092',
    );
  });

  it('does not keep the error of the client, which may hold what was sent', () => {
    const cause = new NetworkError('Connection closed', { password: 's3cret' });
    const error = asKafkaError(cause);

    expect(error.cause).toBeUndefined();
    expect(JSON.stringify(error)).not.toContain('s3cret');
  });

  it('leaves an error of its own as it is', () => {
    const error = new KafkaError('timeout', 'late');
    expect(asKafkaError(error)).toBe(error);
  });

  it('has the words of a setting whose file cannot be used', () => {
    expect(asKafkaError(new InvalidValueError('KAFKA_TLS_CA names nothing'))).toMatchObject({
      kind: 'other',
      message: 'KAFKA_TLS_CA names nothing',
    });
  });
});
