import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseClientTime } from './client-time.js';

const MS = Date.parse('2026-11-23T10:00:00Z');

describe('parseClientTime', () => {
  it.each([
    ['2026-11-23T10:00:00Z', MS],
    ['2026-11-23 10:00:00Z', MS],
    ['2026-11-23T12:00:00 02:00', MS],
    ['2026-11-23 12:00:00 02:00', MS],
    ['2026-11-23 12:00:00.5 02:00', MS + 500],
    ['2026-11-23 08:00:00-02:00', MS],
    [MS, MS],
    [MS / 1000, MS],
    [MS / 1000 + 0.25, MS + 250],
    [MS + 0.75, MS],
    [`${MS}`, MS],
    [`${MS / 1000}`, MS],
    [`${MS / 1000}.25`, MS + 250],
    [0, 0],
  ])('reads %j', (value, ms) => {
    expect(parseClientTime(value)).toBe(ms);
  });

  it.each([
    'soon',
    '',
    ' ',
    '2026-11-23',
    '2026-11-23T10:00:00',
    '2026-11-23  10:00:00Z',
    '2026-11-23T10:00:00 Z',
    '1e12',
    '0x10',
    '-1',
    '1.',
    '1'.repeat(400),
    Infinity,
    Number.NaN,
    true,
    null,
    undefined,
    {},
    [MS],
  ])('does not read %j', (value) => {
    expect(parseClientTime(value)).toBeUndefined();
  });

  it('reads a time in each of its forms', () => {
    const times = fc.integer({ min: 1e11, max: 4e12 });
    const offsets = fc.integer({ min: -23 * 60, max: 23 * 60 });
    fc.assert(
      fc.property(times, offsets, fc.constantFrom('T', ' '), (ms, offset, separator) => {
        const local = new Date(ms + offset * 60_000).toISOString().slice(0, -1);
        const hours = String(Math.trunc(Math.abs(offset) / 60)).padStart(2, '0');
        const minutes = String(Math.abs(offset) % 60).padStart(2, '0');
        for (const sign of offset < 0 ? ['-'] : ['+', ' ']) {
          const text = `${local.replace('T', separator)}${sign}${hours}:${minutes}`;
          expect(parseClientTime(text)).toBe(ms);
        }
        expect(parseClientTime(ms)).toBe(ms);
        expect(parseClientTime(String(ms))).toBe(ms);
        expect(parseClientTime(Math.trunc(ms / 1000))).toBe(ms - (ms % 1000));
        expect(parseClientTime(`${Math.trunc(ms / 1000)}`)).toBe(ms - (ms % 1000));
      }),
    );
  });
});
