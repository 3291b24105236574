import { describe, expect, it } from 'vitest';
import { backoffMs, LONGEST_ASKED_MS, retryAfterMs } from './outcome.js';

describe('retryAfterMs', () => {
  it.each([200, 202, 400, 401, 403, 404, 413, 415])('never sends again after %i', (status) => {
    expect(retryAfterMs(status, '5', 0)).toBe(0);
  });

  it.each([429, 500, 502, 503, 504])('sends again after %i', (status) => {
    expect(retryAfterMs(status, null, 0)).toBeGreaterThan(0);
  });

  it('waits as long as it is asked to', () => {
    expect(retryAfterMs(503, '120', 0)).toBe(120_000);
    const date = new Date(Date.now() + 120_000).toUTCString();
    const wait = retryAfterMs(429, date, 0);
    expect(wait).toBeGreaterThan(100_000);
    expect(wait).toBeLessThanOrEqual(120_000);
  });

  it('waits no longer than an hour, whatever it is asked', () => {
    expect(retryAfterMs(503, '9999999', 0)).toBe(LONGEST_ASKED_MS);
  });

  it.each(['soon', '-5', ''])('waits as usual when it is asked for %j', (asked) => {
    const wait = retryAfterMs(503, asked, 0);
    expect(wait).toBeGreaterThanOrEqual(500);
    expect(wait).toBeLessThanOrEqual(1000);
  });
});

describe('backoffMs', () => {
  it('doubles up to a minute, with a random part', () => {
    for (const [failures, most] of [
      [0, 1000],
      [1, 2000],
      [3, 8000],
      [6, 60_000],
      [2000, 60_000],
    ] as const) {
      expect(backoffMs(failures)).toBeLessThanOrEqual(most);
      expect(backoffMs(failures)).toBeGreaterThanOrEqual(most / 2);
    }
  });
});
