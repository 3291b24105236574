import { asKafkaError, CODES } from '../../kafka/kafka-error.js';
import { RetryableSinkError } from '../sink.js';

export function asSinkError(error: unknown): RetryableSinkError {
  const { kind, message, code } = asKafkaError(error);
  return new RetryableSinkError(
    kind,
    code === CODES.unknownTopicOrPartition
      ? `${message}: create it, or correct KAFKA_TOPIC`
      : message,
  );
}
