/** Calls that come while the operation is under way get the outcome of that run. */
export function shareWhileRunning<T>(operation: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () =>
    (running ??= operation().finally(() => {
      running = undefined;
    }));
}
