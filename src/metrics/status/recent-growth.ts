interface Sample {
  readonly at: number;
  readonly totals: ReadonlyMap<string, number>;
}

/** How much counters grew in the last minute. */
export class RecentGrowth {
  private readonly samples: Sample[] = [];

  /** @param windowSeconds what is older is forgotten */
  constructor(private readonly windowSeconds: number) {}

  /** @param at on the monotonic clock, in seconds */
  sample(at: number, totals: ReadonlyMap<string, number>): void {
    this.samples.push({ at, totals });
    while (this.samples.length > 1 && at - (this.samples[0] as Sample).at > this.windowSeconds) {
      this.samples.shift();
    }
  }

  /** @param total what the counter says at `at` */
  growth(name: string, at: number, total: number): { count: number; seconds: number } {
    const [oldest] = this.samples;
    return oldest
      ? { count: total - (oldest.totals.get(name) ?? 0), seconds: at - oldest.at }
      : { count: 0, seconds: 0 };
  }
}
