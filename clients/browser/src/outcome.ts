const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** No collector can keep a client quiet for longer. */
export const LONGEST_ASKED_MS = 3_600_000;

/** Doubles with each failure in a row; the random part keeps visitors from coming back all at once. */
export function backoffMs(failures: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS) * (0.5 + Math.random() / 2);
}

/**
 * How long to wait before a batch is sent again, in milliseconds; 0 when it must not be: it has arrived, or the
 * collector will not take it however often it comes.
 * @param retryAfter the header (RFC 9110, 10.2.3): seconds, or a date
 */
export function retryAfterMs(status: number, retryAfter: string | null, failures: number): number {
  if (status < 500 && status !== 429) {
    return 0;
  }
  const seconds = Number(retryAfter);
  const asked = isNaN(seconds) ? Date.parse(retryAfter!) - Date.now() : seconds * 1000;
  return Math.max(backoffMs(failures), Math.min(asked || 0, LONGEST_ASKED_MS));
}
