import { Injectable } from '@nestjs/common';
import { LONG, type Work } from '../../event/work.js';

/** What all requests together may take of one turn of the event loop. The others get theirs in between. */
const BUDGET_MS = 3;
/** Once so much was taken, it matters in which turn, and what else this turn does counts as well. */
const NOTICED_MS = 1;
/** What those that wait get of each turn, however long the rest of it takes. */
const LEAST_MS = 1;
/** Bytes. The pieces of a larger body are larger, too. */
const LARGE = 64 * 1024;
/** Pauses of a small text's work between two looks at the clock, which takes as long as a tenth of an event. */
const SMALL_STRIDE = 8;

interface Waiting {
  readonly continues: () => boolean;
}

/**
 * Shares the event loop among the works of all requests, by time: what one client sends, or many at once, never makes
 * a turn of the loop long. A work begins at once while there is time left in the turn, and usually ends in it; when
 * many came at once, it waits until what they have sent is read.
 *
 * Works of one size are done one after the other, in order: of those that wait, only one has memory of its own. A
 * large one delays small ones by half at most.
 */
@Injectable()
export class ParsingTurns {
  private readonly small: Waiting[] = [];
  private readonly large: Waiting[] = [];
  private smallFirst = true;
  /** What works took of this turn until it mattered. */
  private spentMs = 0;
  /** When this turn has lasted long enough; undefined while it is too short to matter. */
  private endsAt: number | undefined;
  /** Nothing begins at once: something waits, or has just taken much. */
  private isBusy = false;
  private turnIsAwaited = false;

  /**
   * @param length bytes that are worked on
   * @returns the result itself when it is there at once
   * @throws what the work throws
   */
  run<T>(work: Work<T>, length: number): T | Promise<T> {
    const isLarge = length > LARGE;
    const lane = isLarge ? this.large : this.small;
    const stride = isLarge ? 1 : SMALL_STRIDE;
    if (this.hasTime) {
      const step = this.proceed(work, stride);
      if (step.done) {
        return step.value;
      }
    }
    return new Promise((resolve, reject) => {
      const continues = (): boolean => {
        try {
          const step = this.proceed(work, stride);
          if (step.done) {
            resolve(step.value);
          }
          return !step.done;
        } catch (error) {
          reject(error);
          return false;
        }
      };
      lane.push({ continues });
      this.isBusy = true;
      this.awaitTurn();
    });
  }

  /** Milliseconds. */
  protected now(): number {
    return performance.now();
  }

  private get hasTime(): boolean {
    return !this.isBusy && (this.endsAt === undefined || this.now() < this.endsAt);
  }

  private proceed<T>(work: Work<T>, stride: number): IteratorResult<typeof LONG | undefined, T> {
    const startedAt = this.now();
    const endsAt = this.endsAt ?? startedAt + BUDGET_MS - this.spentMs;
    try {
      for (let steps = 1; ; steps += 1) {
        const step = work.next();
        if (step.done) {
          return step;
        }
        const isLookedAt = step.value === LONG || steps % stride === 0;
        if (isLookedAt && this.now() >= endsAt) {
          return step;
        }
      }
    } finally {
      this.spentMs += this.now() - startedAt;
      if (this.spentMs >= NOTICED_MS) {
        this.endsAt = endsAt;
        this.awaitTurn();
      }
    }
  }

  private awaitTurn(): void {
    if (!this.turnIsAwaited) {
      this.turnIsAwaited = true;
      setImmediate(() => this.turn());
    }
  }

  private turn(): void {
    this.turnIsAwaited = false;
    const startedAt = this.now();
    this.endsAt = Math.max(this.endsAt ?? 0, startedAt + LEAST_MS);
    const lanes = this.smallFirst ? [this.small, this.large] : [this.large, this.small];
    this.smallFirst = !this.smallFirst;
    let isFirst = true;
    for (const lane of lanes) {
      while (lane.length > 0 && (isFirst || this.now() < this.endsAt)) {
        isFirst = false;
        if (!lane[0]?.continues()) {
          lane.shift();
        }
      }
    }
    this.beginNext(this.now() - startedAt);
  }

  /** The loop does not rest while a turn is awaited: all that passes until then is work. */
  private beginNext(justSpentMs: number): void {
    const isWaitedFor = this.small.length + this.large.length > 0;
    this.isBusy = isWaitedFor || justSpentMs >= NOTICED_MS;
    this.spentMs = 0;
    this.endsAt = this.isBusy ? this.now() + BUDGET_MS : undefined;
    if (this.isBusy) {
      this.awaitTurn();
    }
  }
}
