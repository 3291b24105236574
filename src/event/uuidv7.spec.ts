import { describe, expect, it } from 'vitest';
import { uuidv7 } from './uuidv7.js';

const FORM = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

function timeOf(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 13).replace('-', ''), 16);
}

// An earlier time than the newest so far, which other specs may have used, would be moved to after it.
let nowMs = Math.max(Date.parse('2026-11-23T10:00:00Z'), timeOf(uuidv7(0)) + 1);

describe('uuidv7', () => {
  it('has the form, version and variant of RFC 9562', () => {
    for (let count = 0; count < 2000; count += 1) {
      expect(uuidv7(nowMs)).toMatch(FORM);
    }
  });

  it('begins with the time', () => {
    nowMs += 1_000_000;
    expect(timeOf(uuidv7(nowMs))).toBe(nowMs);
  });

  it('grows within a millisecond, also when the counter is used up', () => {
    nowMs += 1_000_000;
    const uuids = Array.from({ length: 10_000 }, () => uuidv7(nowMs));
    expect(uuids).toEqual(uuids.toSorted());
    expect(new Set(uuids).size).toBe(uuids.length);
    expect(timeOf(uuids.at(-1) as string)).toBeGreaterThan(nowMs);
  });

  it('grows when the clock is set back', () => {
    nowMs += 1_000_000;
    const before = uuidv7(nowMs);
    expect(uuidv7(nowMs - 60_000) > before).toBe(true);
  });

  it('leaves half of the counter to each millisecond', () => {
    for (let count = 0; count < 1000; count += 1) {
      nowMs += 1_000_000;
      expect(Number.parseInt(uuidv7(nowMs).slice(15, 18), 16)).toBeLessThan(0x800);
    }
  });

  it('is random in its last 62 bits', () => {
    const tails = Array.from({ length: 5000 }, () => uuidv7(nowMs).slice(20));
    expect(new Set(tails).size).toBe(tails.length);
  });
});
