/**
 * What checking one event may take, in units of about 20 ns. Counted and not timed: whether an event is valid must not
 * depend on how busy the machine is.
 */
const MAX_WORK = 100_000;

/** Checking an event takes too long. Thrown out of the midst of a check. */
export class TooMuchWorkError extends Error {
  override readonly name = 'TooMuchWorkError';
}

/** Bounds what the check of one event takes, whatever its schema and the event are. */
export class WorkMeter {
  private left = MAX_WORK;

  /** Since the last `start`. */
  get spent(): number {
    return MAX_WORK - this.left;
  }

  start(): void {
    this.left = MAX_WORK;
  }

  /** @throws TooMuchWorkError call it before the work is done */
  spend(units: number): void {
    this.left -= units;
    if (this.left < 0) {
      throw new TooMuchWorkError();
    }
  }
}
