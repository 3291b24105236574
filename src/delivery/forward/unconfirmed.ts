/** How an append ends that waits for the topic. */
export interface Waiter {
  /** Positions of its events, the second one excluded. */
  readonly first: number;
  readonly end: number;
  /** Everything of it is in the topic. */
  confirmed(): void;
  /** The topic never takes one of its events. */
  refused(reason: string): void;
  late(): void;
}

interface Waiting {
  readonly waiter: Waiter;
  readonly untilMs: number;
  /** It was told that the topic refuses one of its events: nothing else is told to it. */
  isTold: boolean;
}

/** Told are removed from the front in pieces of this size: an array is costly to shift one by one. */
const COMPACTED_AT = 1024;

/** Appends that are durable here and not known to be in the topic, in the order of their positions. */
export class Unconfirmed {
  /** Something is there for longer than anybody waits for it, so that what comes after it would wait in vain, too. */
  isLate = false;
  private waiting: Waiting[] = [];
  /** Index of the first that is still waiting. */
  private head = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly timeoutMs: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  get size(): number {
    return this.waiting.length - this.head;
  }

  /** Its positions come after those of all before it. */
  add(waiter: Waiter): void {
    this.waiting.push({ waiter, untilMs: this.nowMs() + this.timeoutMs, isTold: false });
    this.timer ??= this.wakeAfter(this.timeoutMs);
  }

  /**
   * Everything before the position is in the topic, or was refused.
   * @param oldestMs age of the first event after it
   */
  confirm(position: number, oldestMs: number): void {
    // What comes now will be there in about the same time.
    if (oldestMs < this.timeoutMs / 2) {
      this.isLate = false;
    }
    this.takeWhile(
      ({ waiter }) => waiter.end <= position,
      (waiter) => waiter.confirmed(),
    );
  }

  /** @returns whether an append with this event waits, which is told */
  refuse(position: number, reason: string): boolean {
    for (let index = this.head; index < this.waiting.length; index += 1) {
      const entry = this.waiting[index];
      if (entry && entry.waiter.first <= position && position < entry.waiter.end) {
        if (!entry.isTold) {
          entry.isTold = true;
          entry.waiter.refused(reason);
        }
        return true;
      }
    }
    return false;
  }

  private expire(): void {
    const nowMs = this.nowMs();
    this.takeWhile(
      ({ untilMs }) => untilMs <= nowMs,
      (waiter) => {
        this.isLate = true;
        waiter.late();
      },
    );
    const next = this.waiting[this.head];
    this.timer = next && this.wakeAfter(next.untilMs - nowMs);
  }

  /** All have the same time: those that came first are the first to be late. */
  private wakeAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.expire(), ms);
  }

  private takeWhile(isDone: (entry: Waiting) => boolean, tell: (waiter: Waiter) => void): void {
    for (;;) {
      const entry = this.waiting[this.head];
      if (!entry || !isDone(entry)) {
        break;
      }
      this.head += 1;
      if (!entry.isTold) {
        tell(entry.waiter);
      }
    }
    if (this.head >= COMPACTED_AT || this.head === this.waiting.length) {
      this.waiting = this.waiting.slice(this.head);
      this.head = 0;
    }
  }
}
