import { createHmac } from 'node:crypto';

export const DAY_MS = 86_400_000;

/** The day in UTC, such as `2026-11-26`. @param ms since the epoch */
export function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/**
 * A key for each UTC day. Who holds the secret can make them again; what is made with those of two days can't be joined.
 * @param purpose so that one secret gives each use a key of its own
 * @returns gives the key of the day of a time, in milliseconds since the epoch: the same object for all of the day
 */
export function dayKeys(secret: string, purpose: string): (ms: number) => Buffer {
  let day = -1;
  let key: Buffer = Buffer.alloc(0);
  return (ms) => {
    const today = Math.floor(ms / DAY_MS);
    if (today !== day) {
      day = today;
      key = createHmac('sha256', secret)
        .update(`${purpose}:${utcDay(ms)}`)
        .digest();
    }
    return key;
  };
}
