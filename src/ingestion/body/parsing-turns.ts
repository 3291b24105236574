import { Injectable } from '@nestjs/common';
import { LONG, type Work } from '../../event/work.js';

/** What all requests together may take of one turn of the event loop. The others get theirs in between. */
const BUDGET_MS = 5;
/** Once so much was taken, it matters in which turn. */
const NOTICED_MS = 1;
/** Bytes. The pieces of a larger body are larger, too. */
const LARGE = 64 * 1024;
/** Pauses of a small text's work between two looks at the clock, which takes as long as a tenth of an event. */
const SMALL_STRIDE = 8;

interface Waiting {
  readonly continues: () => boolean;
}

/**
 * Shares the event loop among the works of all requests, by time: what one client sends, or many at once, never makes
 * a turn of the loop long. A work begins at once while there is time left in the turn, and usually ends in it.
 *
 * Works of one size are done one after the other, in order: of those that wait, only one has memory of its own. A
 * large one delays small ones by half at most.
 */
@Injectable()
export class ParsingTurns {
  private readonly small: Waiting[] = [];
  private readonly large: Waiting[] = [];
  private smallFirst = true;
  private spentMs = 0;
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
    if (lane.length === 0 && this.spentMs < BUDGET_MS) {
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
      this.awaitTurn();
    });
  }

  /** Milliseconds. */
  protected now(): number {
    return performance.now();
  }

  private proceed<T>(work: Work<T>, stride: number): IteratorResult<typeof LONG | undefined, T> {
    const startedAt = this.now();
    const alreadyMs = this.spentMs;
    try {
      for (let steps = 1; ; steps += 1) {
        const step = work.next();
        if (step.done) {
          return step;
        }
        const isLookedAt = step.value === LONG || steps % stride === 0;
        if (isLookedAt && alreadyMs + this.now() - startedAt >= BUDGET_MS) {
          return step;
        }
      }
    } finally {
      this.spentMs = alreadyMs + this.now() - startedAt;
      if (this.spentMs >= NOTICED_MS) {
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
    this.spentMs = 0;
    const lanes = this.smallFirst ? [this.small, this.large] : [this.large, this.small];
    this.smallFirst = !this.smallFirst;
    for (const lane of lanes) {
      while (lane.length > 0 && this.spentMs < BUDGET_MS) {
        if (!lane[0]?.continues()) {
          lane.shift();
        }
      }
    }
    if (this.small.length + this.large.length > 0) {
      this.awaitTurn();
    }
  }
}
