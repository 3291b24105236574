const FIRST_MS = 100;
/** Low enough that a dead sink fails more often than the 0.1 times a second that alerts watch for. */
const LONGEST_MS = 5000;

/** How long to wait before the next attempt: exponential, with jitter so that instances do not knock together. */
export function backoffMs(failedAttempts: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failedAttempts - 1));
  return ceiling * (0.5 + random() / 2);
}
