import { InvalidValueError } from '../../config/setting.js';
import { HangingCallError } from '../../threads/bounded-calls.js';
import { RetryableSinkError } from '../sink.js';

/**
 * Runs an operation of a sink, and turns its failures into those that a lane knows. A secret or a certificate whose file
 * cannot be used now may be usable the next time.
 * @param asSinkError says what the other failures mean
 * @throws RetryableSinkError
 */
export async function withSinkErrors<T>(
  asSinkError: (error: unknown) => RetryableSinkError,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof RetryableSinkError) {
      throw error;
    }
    if (error instanceof HangingCallError) {
      throw new RetryableSinkError('timeout', error.message);
    }
    throw error instanceof InvalidValueError
      ? new RetryableSinkError('other', error.message)
      : asSinkError(error);
  }
}
