import { UnreadableValue } from '../../config/setting.js';
import { RetryableSinkError } from '../sink.js';

/**
 * Has an operation fail as the lane wants it: a file of a setting (a secret, a certificate) that cannot be used now is to be
 * tried again, like everything that `asSinkError` is for.
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
    throw error instanceof UnreadableValue
      ? new RetryableSinkError('other', error.message)
      : asSinkError(error);
  }
}
