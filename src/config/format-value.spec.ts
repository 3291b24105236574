import { describe, expect, it } from 'vitest';
import { formatValue } from './format-value.js';
import { boolean, integer, list, listenAddress, text } from './parsers.js';
import type { Parser } from './setting.js';

describe('formatValue', () => {
  it.each<[string, Parser<unknown>]>([
    ['./data', text],
    ['-5', integer],
    ['true', boolean],
    ['log,kafka', list],
    [':19890', listenAddress],
    ['127.0.0.1:9090', listenAddress],
    ['[::1]:9090', listenAddress],
  ])('writes %j as it was read', (value, parse) => {
    expect(formatValue(parse(value))).toBe(value);
  });

  it.each([undefined, null, {}, [{}]])('has no text for %j', (value) => {
    expect(formatValue(value)).toBeUndefined();
  });
});
