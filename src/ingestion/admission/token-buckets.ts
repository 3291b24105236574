import { BoundedTable } from '../bounded-table.js';

const MAX_BUCKETS = 100_000;

/**
 * A token bucket for each key that fills at a steady rate and holds what a second brings. A key that the bounded
 * table has forgotten starts with a full bucket.
 */
export class TokenBuckets {
  /** When each bucket is full again, in milliseconds on the monotonic clock: that says how full it is now. */
  private readonly fullAt = new BoundedTable<number>(MAX_BUCKETS);

  constructor(private readonly now: () => number = () => performance.now()) {}

  get size(): number {
    return this.fullAt.size;
  }

  /** @returns 0 when a token was taken, else in how many milliseconds there is one */
  take(key: string, tokensASecond: number): number {
    const now = this.now();
    const tokenMs = 1000 / tokensASecond;
    const fullAt = Math.max(now, this.fullAt.get(key) ?? 0) + tokenMs;
    const wait = fullAt - now - Math.max(1000, tokenMs);
    // Sums of fractions of a millisecond are not exact.
    if (wait > 1e-6) {
      return wait;
    }
    this.fullAt.set(key, fullAt);
    return 0;
  }
}
