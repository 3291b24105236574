import { describe, expect, it } from 'vitest';
import { codeError, KafkaError } from '../../kafka/kafka-error.js';
import { CODES } from '../../kafka/protocol-codes.js';
import { asSinkError } from './sink-error.js';

describe('asSinkError', () => {
  it('has the kind and the words of the failure', () => {
    expect(asSinkError(new KafkaError('throttled', 'too much'))).toMatchObject({
      name: 'RetryableSinkError',
      errorType: 'throttled',
      message: 'too much',
    });
  });

  it.each([
    [CODES.unknownTopicOrPartition, /does not exist.*KAFKA_TOPIC$/],
    [CODES.invalidTopic, /of this name.*KAFKA_TOPIC$/],
    [CODES.unsupportedCompressionType, /compression.*KAFKA_COMPRESSION$/],
  ])('says which variable corrects the code %d', (code, words) => {
    expect(asSinkError(codeError(code)).message).toMatch(words);
  });
});
