import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRfc3339 } from './rfc3339.js';

describe('parseRfc3339', () => {
  it.each([
    ['2026-11-23T10:00:00Z', '2026-11-23T10:00:00.000Z'],
    ['2026-11-23t10:00:00z', '2026-11-23T10:00:00.000Z'],
    ['2026-11-23T10:00:00.5Z', '2026-11-23T10:00:00.500Z'],
    ['2026-11-23T10:00:00.123456789Z', '2026-11-23T10:00:00.123Z'],
    ['2026-11-23T10:00:00+02:30', '2026-11-23T07:30:00.000Z'],
    ['2026-11-23T10:00:00-08:00', '2026-11-23T18:00:00.000Z'],
    ['2026-11-23T10:00:00-00:00', '2026-11-23T10:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['2016-12-31T23:59:60.9Z', '2017-01-01T00:00:00.000Z'],
    ['2016-12-31T15:59:60-08:00', '2017-01-01T00:00:00.000Z'],
  ])('reads %s', (text, expected) => {
    expect(new Date(parseRfc3339(text) ?? Number.NaN).toISOString()).toBe(expected);
  });

  it.each([
    ['', 'nothing'],
    ['2026-11-23', 'a date alone'],
    ['2026-11-23T10:00:00', 'no offset'],
    ['2026-11-23 10:00:00Z', 'a space'],
    ['2026-11-23T10:00Z', 'no seconds'],
    ['2026-11-23T10:00:00.Z', 'an empty fraction'],
    ['2026-11-23T10:00:00+0200', 'an offset without colon'],
    ['2026-13-01T10:00:00Z', 'month 13'],
    ['2026-00-01T10:00:00Z', 'month 0'],
    ['2026-11-31T10:00:00Z', 'a day that November has not'],
    ['2026-11-00T10:00:00Z', 'day 0'],
    ['2026-02-29T10:00:00Z', 'a leap day in a common year'],
    ['1900-02-29T10:00:00Z', 'a leap day in 1900'],
    ['2026-11-23T24:00:00Z', 'hour 24'],
    ['2026-11-23T10:60:00Z', 'minute 60'],
    ['2026-11-23T10:00:61Z', 'second 61'],
    ['2026-11-23T10:00:60Z', 'a leap second in the morning'],
    ['2026-11-23T10:00:00+24:00', 'offset 24 hours'],
    ['2026-11-23T10:00:00+00:60', 'offset 60 minutes'],
    ['+002026-11-23T10:00:00Z', 'a year of six digits'],
    [' 2026-11-23T10:00:00Z', 'a blank in front'],
    ['2026-11-23T10:00:00Z\n', 'a line end after it'],
  ])('refuses %j: %s', (text) => {
    expect(parseRfc3339(text)).toBeUndefined();
  });

  it('reads what Date writes', () => {
    const noLongYear = {
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
    };
    fc.assert(
      fc.property(fc.date({ ...noLongYear, noInvalidDate: true }), (date) => {
        expect(parseRfc3339(date.toISOString())).toBe(date.getTime());
      }),
    );
  });
});
