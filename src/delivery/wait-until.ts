/**
 * Runs the operation with a signal that aborts after the time, or with `signal`; then waits until it has aborted,
 * unless the operation has a result.
 */
export async function waitUntil<T>(
  ms: number,
  signal: AbortSignal,
  operation: (due: AbortSignal) => Promise<T | undefined>,
): Promise<T | undefined> {
  const due = new AbortController();
  const abort = (): void => due.abort(new Error('something else is due'));
  const isOver = new Promise<void>((resolve) => {
    due.signal.addEventListener('abort', () => resolve());
  });
  const timer = Number.isFinite(ms) ? setTimeout(abort, ms) : undefined;
  signal.addEventListener('abort', abort);
  if (signal.aborted) {
    abort();
  }
  try {
    const result = await operation(due.signal);
    if (result === undefined) {
      await isOver;
    }
    return result;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
