/** What happened over all runs of a random check, so that none of it is only imagined. */
export class Tally {
  private readonly counts = new Map<string, number>();

  add(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  /** Those that never happened. */
  missing(what: readonly string[]): string[] {
    return what.filter((name) => (this.counts.get(name) ?? 0) === 0);
  }
}
