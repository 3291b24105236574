import { describe, expect, it } from 'vitest';
import { CODES, codeError, KafkaError } from '../../kafka/kafka-error.js';
import { asSinkError } from './sink-error.js';

describe('asSinkError', () => {
  it('has the kind and the words of the failure', () => {
    expect(asSinkError(new KafkaError('throttled', 'too much'))).toMatchObject({
      name: 'RetryableSinkError',
      errorType: 'throttled',
      message: 'too much',
    });
  });

  it('says which variable names a topic that is missing', () => {
    expect(asSinkError(codeError(CODES.unknownTopicOrPartition)).message).toMatch(
      /does not exist.*KAFKA_TOPIC$/,
    );
  });
});
