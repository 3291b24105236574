import { describe, expect, it } from 'vitest';
import { BucketCounts } from './bucket-counts.js';

describe('BucketCounts', () => {
  it('puts a value that equals a bound into the bucket of that bound', () => {
    const counts = new BucketCounts([1, 2]);
    counts.observe(1);
    counts.observe(1.5);
    counts.observe(2);
    expect([...counts.counts]).toEqual([1, 2, 0]);
  });

  it('keeps what lies above every bound', () => {
    const counts = new BucketCounts([1, 2]);
    counts.observe(3);
    expect([...counts.counts]).toEqual([0, 0, 1]);
    expect(counts.sum).toBe(3);
  });
});
