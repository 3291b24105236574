import { Logger } from '@nestjs/common';
import type { PipelineObserver } from '../metrics/pipeline-observer.js';
import { RetryableSinkError, type Sink } from '../sinks/sink.js';
import { withTimeout } from '../threads/with-timeout.js';

const CHECK_INTERVAL_MS = 5000;
const CHECK_TIMEOUT_MS = 3000;
/** One failed attempt is a hiccup; this many in a row are an outage. */
const DOWN_AFTER_FAILURES = 3;

/**
 * Whether a sink is up: its own check passes, and what is written to it does not fail again and again.
 * Reports and logs each change once.
 */
export class SinkState {
  private readonly logger: Logger;
  private failuresInARow = 0;
  private checkError: string | undefined;
  private writeError: string | undefined;
  private known: 'up' | 'down' | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    readonly name: string,
    private readonly sink: Sink,
    private readonly observer: PipelineObserver,
  ) {
    this.logger = new Logger(`Sink ${name}`);
  }

  /** `unknown` until the first check or attempt has ended. */
  get state(): 'up' | 'down' | 'unknown' {
    return this.known ?? 'unknown';
  }

  /** Why it is down. */
  get error(): string | undefined {
    return this.failuresInARow < DOWN_AFTER_FAILURES ? this.checkError : this.writeError;
  }

  /** Checks from now on, until `stop`. */
  start(): void {
    const check = async (): Promise<void> => {
      this.checkError = await this.check();
      this.update();
      if (!this.stopped) {
        this.timer = setTimeout(() => void check(), CHECK_INTERVAL_MS).unref();
      }
    };
    // The sink may have opened only after the lane's end.
    if (!this.stopped) {
      void check();
    }
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  attemptSucceeded(): void {
    this.failuresInARow = 0;
    this.checkError = undefined;
    this.update();
  }

  attemptFailed(error: Error, seconds: number): void {
    const errorType = error instanceof RetryableSinkError ? error.errorType : 'other';
    this.observer.batchFailed(this.name, errorType, seconds);
    this.failuresInARow += 1;
    this.writeError = error.message;
    this.update();
  }

  attemptRepeated(): void {
    this.observer.batchRetried(this.name);
  }

  private async check(): Promise<string | undefined> {
    try {
      await withTimeout(
        this.sink.check(),
        CHECK_TIMEOUT_MS,
        () => new Error(`the check got no answer within ${CHECK_TIMEOUT_MS} ms`),
      );
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  private update(): void {
    const now = this.error === undefined ? 'up' : 'down';
    const isHiccup = now === 'up' && this.failuresInARow > 0;
    if (this.stopped || now === this.known || isHiccup) {
      return;
    }
    const before = this.known;
    this.known = now;
    if (now === 'up') {
      this.observer.sinkWentUp(this.name);
      this.logger.log(before ? 'up again' : 'up');
    } else {
      this.observer.sinkWentDown(this.name);
      this.logger.error(`down, its events stay queued: ${this.error}`);
    }
  }
}
