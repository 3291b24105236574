import { setTimeout as sleep } from 'node:timers/promises';
import type { Hold } from './hold.js';
import type { SinkState } from './sink-state.js';

const FIRST_MS = 100;
/** Low enough that a dead sink fails more often than the 0.1 times a second that alerts watch for. */
const LONGEST_MS = 5000;

/** How long to wait before the next attempt: exponential, with jitter so that instances do not retry together. */
export function backoffMs(failedAttempts: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failedAttempts - 1));
  return ceiling * (0.5 + random() / 2);
}

/** A lane's attempts. Each of its methods rejects once the lane is to stop, or what it works on is lost. */
export class Retry {
  private lost: AbortSignal | undefined;

  constructor(
    private readonly sinkState: SinkState,
    private readonly hold: Hold,
    private readonly stopping: AbortSignal,
    /** Runs after each pause: what an operator asks for need not wait for the sink. */
    private readonly betweenAttempts: () => Promise<void>,
  ) {}

  /** @param lost ends the attempts of the work; a call to the sink or the disk that is under way comes to its end */
  async whileOurs<T>(lost: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    this.lost = lost;
    try {
      return await work();
    } finally {
      this.lost = undefined;
    }
  }

  /**
   * Tries until the sink has answered, for as long as it takes.
   * @param answerIn an answer that a failure is, which ends the attempts too
   */
  async retrySink<T>(
    operation: (seconds: () => number) => Promise<T>,
    answerIn: (error: unknown) => T | undefined = () => undefined,
  ): Promise<T> {
    for (let attempts = 1; ; attempts += 1) {
      // After that the sink is closed.
      this.throwIfOver();
      const startedAt = performance.now();
      const seconds = (): number => (performance.now() - startedAt) / 1000;
      try {
        const answer = await operation(seconds);
        this.sinkState.attemptSucceeded();
        return answer;
      } catch (error) {
        this.sinkState.attemptFailed(error as Error, seconds());
        const answer = answerIn(error);
        if (answer !== undefined) {
          return answer;
        }
      }
      await this.pause(attempts);
      this.sinkState.attemptRepeated();
    }
  }

  /** Tries until our own disk does it; the lane holds meanwhile. */
  async retryDisk<T>(failure: string, operation: () => Promise<T>): Promise<T> {
    for (let attempts = 1; ; attempts += 1) {
      // After that the queue is closed: nothing may be written to it any more.
      this.throwIfOver();
      try {
        const done = await operation();
        this.hold.diskWorks();
        return done;
      } catch (error) {
        this.lost?.throwIfAborted();
        this.hold.begin(`${failure}: ${(error as Error).message}`);
      }
      await this.pause(attempts);
    }
  }

  async pause(failedAttempts: number): Promise<void> {
    const signal = this.lost ? AbortSignal.any([this.stopping, this.lost]) : this.stopping;
    await sleep(backoffMs(failedAttempts), undefined, { signal });
    await this.betweenAttempts();
  }

  private throwIfOver(): void {
    this.stopping.throwIfAborted();
    this.lost?.throwIfAborted();
  }
}
