import { describe, expect, it } from 'vitest';
import { bytes, counted, duration, rate, timeBefore } from './figures.js';

describe('figures', () => {
  it.each([
    [-1, '0 s'],
    [0.9, '0 s'],
    [59.9, '59 s'],
    [60, '1 min'],
    [7_505, '2 h 5 min'],
    [3_605, '1 h'],
    [90_000, '1 d 1 h'],
  ])('shows %d seconds as %s', (seconds, shown) => {
    expect(duration(seconds)).toBe(shown);
  });

  it.each([
    [0, '0 B'],
    [1_023, '1,023 B'],
    [1_536, '1.5 KiB'],
    [1_073_741_824, '1 GiB'],
    [5 * 1024 ** 5, '5,120 TiB'],
  ])('shows %d bytes as %s', (size, shown) => {
    expect(bytes(size)).toBe(shown);
  });

  it('does not show a small rate as none', () => {
    expect([0, 0.01, 0.25, 1_234.56].map(rate)).toEqual(['0', '< 0.1', '0.3', '1,234.6']);
  });

  it('counts one thing and several', () => {
    expect([1, 2_000].map((number) => counted(number, 'event'))).toEqual([
      '1 event',
      '2,000 events',
    ]);
  });

  it('tells times in UTC', () => {
    expect(timeBefore(new Date('2026-11-26T03:00:00.500Z'), 3_600)).toBe('2026-11-26 02:00:00 UTC');
  });
});
