import { RetryableSinkError } from '../sink.js';

/**
 * Waits for the work no longer than `limitMs`. It does not end the work, whose outcome then means nothing.
 * @throws RetryableSinkError once the time is over
 */
export async function withTimeout<T>(
  work: Promise<T>,
  limitMs: number,
  message: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new RetryableSinkError('timeout', message)), limitMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
