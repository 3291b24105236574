import { describe, expect, it } from 'vitest';
import { TokenBuckets } from './token-buckets.js';

function bucketsAt() {
  const clock = { ms: 5_000 };
  return { clock, buckets: new TokenBuckets(() => clock.ms) };
}

function takeAll(buckets: TokenBuckets, key: string, rps: number): number {
  let taken = 0;
  while (buckets.take(key, rps) === 0) {
    taken += 1;
  }
  return taken;
}

describe('TokenBuckets', () => {
  it.each([1, 3, 7, 10, 1000])('gives what a second brings at once: %i', (rps) => {
    const { buckets } = bucketsAt();
    expect(takeAll(buckets, 'a', rps)).toBe(rps);
  });

  it('fills steadily, and never beyond a second', () => {
    const { clock, buckets } = bucketsAt();
    takeAll(buckets, 'a', 10);
    clock.ms += 250;
    expect(takeAll(buckets, 'a', 10)).toBe(2);
    clock.ms += 60_000;
    expect(takeAll(buckets, 'a', 10)).toBe(10);
  });

  it('says how long it takes until the next', () => {
    const { clock, buckets } = bucketsAt();
    takeAll(buckets, 'a', 2);
    expect(buckets.take('a', 2)).toBeCloseTo(500);
    clock.ms += 400;
    expect(buckets.take('a', 2)).toBeCloseTo(100);
    clock.ms += 100;
    expect(buckets.take('a', 2)).toBe(0);
  });

  it('is of no concern to other keys', () => {
    const { buckets } = bucketsAt();
    takeAll(buckets, 'a', 5);
    expect(takeAll(buckets, 'b', 5)).toBe(5);
  });

  it('stays within its bound under a million keys, and forgets none that is in use', () => {
    const { buckets } = bucketsAt();
    takeAll(buckets, 'busy', 5);
    let most = 0;
    let free = 0;
    for (let client = 0; client < 1_000_000; client += 1) {
      buckets.take(`2001:db8:${client.toString(16)}::/64`, 5);
      if (client % 1000 === 0) {
        free += buckets.take('busy', 5) === 0 ? 1 : 0;
        most = Math.max(most, buckets.size);
      }
    }
    expect(most).toBeLessThanOrEqual(100_000);
    // What is refused is a use, too.
    expect(free).toBe(0);
  });

  it('starts what it has forgotten with a full bucket', () => {
    const { buckets } = bucketsAt();
    takeAll(buckets, 'quiet', 5);
    for (let client = 0; client < 100_000; client += 1) {
      buckets.take(String(client), 5);
    }
    expect(takeAll(buckets, 'quiet', 5)).toBe(5);
  });
});
