/**
 * Waits for the work no longer than `limitMs`. It does not end the work, whose outcome then means nothing.
 * @param late gives what is thrown once the time is over
 */
export async function withTimeout<T>(
  work: Promise<T>,
  limitMs: number,
  late: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), limitMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
