import { asKafkaError } from '../../kafka/kafka-error.js';
import { CODES } from '../../kafka/protocol-codes.js';
import { RetryableSinkError } from '../sink.js';

/** Which setting of the sink corrects what the brokers complain about. */
const CORRECTIONS = new Map<number | undefined, string>([
  [CODES.unknownTopicOrPartition, 'create it, or correct KAFKA_TOPIC'],
  [CODES.invalidTopic, 'correct KAFKA_TOPIC'],
  [CODES.unsupportedCompressionType, 'correct KAFKA_COMPRESSION'],
]);

export function asSinkError(error: unknown): RetryableSinkError {
  const { kind, message, code } = asKafkaError(error);
  const correction = CORRECTIONS.get(code);
  return new RetryableSinkError(kind, correction ? `${message}: ${correction}` : message);
}
