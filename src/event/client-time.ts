import { parseRfc3339 } from './rfc3339.js';

/** In milliseconds it is a day in 1973, in seconds one in 5138: what is less is in seconds. */
const LEAST_MILLISECONDS = 1e11;

/**
 * Milliseconds since the epoch of what a client sends as a time: RFC 3339, where a space may stand for
 * `T` (as in SQL) and for the `+` of the offset (as queries are decoded), or seconds or milliseconds
 * since the epoch. Undefined when it is none of them.
 */
export function parseClientTime(value: unknown): number | undefined {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? milliseconds(value) : undefined;
  }
  if (typeof value !== 'string') {
    return undefined;
  }
  return (
    parseRfc3339(value) ??
    (/^\d{1,20}(?:\.\d{1,20})?$/.test(value)
      ? milliseconds(Number(value))
      : parseRfc3339(value.replace(/^(.{10}) /, '$1T').replace(/ (\d\d:\d\d)$/, '+$1')))
  );
}

function milliseconds(number: number): number {
  return Math.trunc(number < LEAST_MILLISECONDS ? number * 1000 : number);
}
