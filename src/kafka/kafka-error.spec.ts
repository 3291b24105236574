import {
  AuthenticationError,
  MultipleErrors,
  NetworkError,
  ProtocolError,
  TimeoutError,
} from '@platformatic/kafka';
import { describe, expect, it } from 'vitest';
import { InvalidValueError } from '../config/setting.js';
import {
  asKafkaError,
  CODES,
  codeError,
  CONTENT_CODES,
  KafkaError,
  PRODUCER_CODES,
} from './kafka-error.js';

describe('codeError', () => {
  it.each([
    ['requestTimedOut', 'timeout'],
    ['topicAuthorizationFailed', 'auth'],
    ['clusterAuthorizationFailed', 'auth'],
    ['saslAuthenticationFailed', 'auth'],
    ['kafkaStorageError', 'disk'],
    ['throttlingQuotaExceeded', 'throttled'],
    ['corruptMessage', 'other'],
    ['unknownTopicOrPartition', 'other'],
    ['leaderNotAvailable', 'other'],
    ['notLeaderOrFollower', 'other'],
    ['notEnoughReplicas', 'other'],
    ['notEnoughReplicasAfterAppend', 'other'],
  ] as const)('takes %s for the kind %s, in words of its own', (name, kind) => {
    const error = codeError(CODES[name]);

    expect(error).toMatchObject({ kind, code: CODES[name] });
    expect(error.message).toMatch(`(error code ${CODES[name]})`);
    expect(error.message).not.toContain('the request failed');
  });

  it("has the server's words after its own", () => {
    expect(codeError(CODES.notEnoughReplicas, 'ISR is 1').message).toBe(
      'Kafka says: fewer replicas are in sync than min.insync.replicas (error code 19): ISR is 1',
    );
  });

  it('gives the code of what it does not know', () => {
    expect(codeError(-1)).toMatchObject({
      kind: 'other',
      message: 'Kafka says: the request failed (error code -1)',
    });
  });

  it('says which rights are missing', () => {
    expect(codeError(CODES.topicAuthorizationFailed).message).toContain('WRITE and DESCRIBE');
  });
});

describe('what the records cause', () => {
  // What a wrong topic, a lost right or a failing cluster causes would empty the queue into the dead letters.
  it('is that they are too large or invalid, and nothing else', () => {
    expect([...CONTENT_CODES].toSorted((a, b) => a - b)).toEqual([10, 18, 87]);
  });

  it('does not overlap with what takes a new producer', () => {
    expect([...CONTENT_CODES].filter((code) => PRODUCER_CODES.has(code))).toEqual([]);
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
