/** Numbers that the seed tells: a run of a test can be planned again as it was. */
export class Random {
  constructor(private state: number) {}

  /** 0 ≤ number < 1 (mulberry32). */
  number(): number {
    this.state = (this.state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** 0 ≤ integer < bound. */
  below(bound: number): number {
    return Math.floor(this.number() * bound);
  }

  chance(share: number): boolean {
    return this.number() < share;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}
