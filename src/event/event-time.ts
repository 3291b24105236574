import { parseClientTime } from './client-time.js';

/** A client may have kept an event for this long while it was offline. */
const MAX_AGE_MS = 7 * 24 * 60 * 60 * 1000;
const MAX_AHEAD_MS = 5 * 60 * 1000;

/**
 * The client's time by the server's clock, in the stored form; undefined when it can't be read, or is out of bounds.
 * @param sentAtMs the client's clock when the request left, as far as it said so
 */
export function timelyTs(
  ts: unknown,
  sentAtMs: number | undefined,
  receivedAtMs: number,
): string | undefined {
  const clientMs = parseClientTime(ts);
  if (clientMs === undefined) {
    return undefined;
  }
  const skewMs = sentAtMs === undefined ? 0 : receivedAtMs - sentAtMs;
  const eventMs = clientMs + skewMs;
  if (eventMs < receivedAtMs - MAX_AGE_MS || eventMs > receivedAtMs + MAX_AHEAD_MS) {
    return undefined;
  }
  return skewMs === 0 && typeof ts === 'string' && isNormalTime(ts)
    ? ts
    : new Date(eventMs).toISOString();
}

/** Most clients send it in the stored form already. */
function isNormalTime(text: string): boolean {
  return text.length === 24 && text[10] === 'T' && text[23] === 'Z' && text[17] !== '6';
}
