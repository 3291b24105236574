import { describe, expect, it } from 'vitest';
import { codingWeight } from './coding-weight.js';

describe('codingWeight', () => {
  it.each([
    ['gzip', 1],
    ['deflate, gzip', 1],
    ['GZIP;q=0.5', 0.5],
    ['br;q=0, gzip ; q=1', 1],
  ])('reads what is asked by %s', (header, weight) => {
    expect(codingWeight(header, 'gzip')).toBe(weight);
  });

  it.each([
    undefined,
    '',
    'identity',
    'br',
    'gzip;q=0',
    'gzip; q=0.000',
    'gzip;q=x',
    '*',
    'x-gzippy',
  ])('is 0 for %s', (header) => {
    expect(codingWeight(header, 'gzip')).toBe(0);
  });
});
