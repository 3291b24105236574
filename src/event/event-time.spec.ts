import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timelyTs } from './event-time.js';

const RECEIVED_AT = '2026-11-23T10:00:00.000Z';
const receivedAtMs = Date.parse(RECEIVED_AT);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('timelyTs', () => {
  it('takes the skew of the client out', () => {
    const sentAtMs = receivedAtMs + 3 * HOUR_MS;
    expect(timelyTs('2026-11-23T12:59:00Z', sentAtMs, receivedAtMs)).toBe(
      '2026-11-23T09:59:00.000Z',
    );
    expect(timelyTs('2026-11-23T12:59:00Z', undefined, receivedAtMs)).toBeUndefined();
  });

  it('applies the bounds to the corrected time', () => {
    expect(timelyTs('2026-11-23T09:00:00Z', receivedAtMs - HOUR_MS, receivedAtMs)).toBe(
      RECEIVED_AT,
    );
    expect(timelyTs('2026-11-23T09:06:00Z', receivedAtMs - HOUR_MS, receivedAtMs)).toBeUndefined();
    expect(timelyTs(RECEIVED_AT, receivedAtMs + 8 * DAY_MS, receivedAtMs)).toBeUndefined();
  });

  it('keeps how long before the request an event was, whatever the clock of the client', () => {
    const skews = fc.integer({ min: -1e12, max: 1e12 });
    const ages = fc.integer({ min: -299_000, max: 7 * DAY_MS });
    fc.assert(
      fc.property(skews, ages, (skewMs, ageMs) => {
        const sentAtMs = receivedAtMs + skewMs;
        const ts = new Date(sentAtMs - ageMs).toISOString();
        expect(Date.parse(timelyTs(ts, sentAtMs, receivedAtMs) ?? '')).toBe(receivedAtMs - ageMs);
      }),
    );
  });

  it('gives a time within the bounds or none, whatever it is given', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.option(fc.double({ noNaN: true })), (ts, sentAtMs) => {
        const found = timelyTs(ts, sentAtMs ?? undefined, receivedAtMs);
        if (found !== undefined) {
          const ms = Date.parse(found);
          expect(ms).toBeGreaterThanOrEqual(receivedAtMs - 7 * DAY_MS);
          expect(ms).toBeLessThanOrEqual(receivedAtMs + 300_000);
        }
      }),
    );
  });
});
