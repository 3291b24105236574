/** One series of a histogram in plain numbers: cheap enough for the hot path, never reset by a scrape. */
export class BucketCounts {
  /** Observations in each bucket alone, not cumulated; the last one is what lies above every bound. */
  readonly counts: Float64Array;
  sum = 0;

  /** @param bounds inclusive upper bounds, ascending */
  constructor(readonly bounds: readonly number[]) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) {
      bucket += 1;
    }
    counts[bucket] = (counts[bucket] as number) + 1;
    this.sum += value;
  }
}
