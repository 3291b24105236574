import { asKafkaError } from '../../kafka/kafka-error.js';

const PATIENCE_MS = 15_000;

/** Why something does not work, once that has lasted: a broker that restarts, and a leader that moves, are no problem. */
export class LastingProblem {
  private since: number | undefined;
  private last: string | undefined;

  /** Undefined when it works, or may work in a moment. */
  get reason(): string | undefined {
    return this.last;
  }

  /** The last attempt has failed. */
  get isFailing(): boolean {
    return this.since !== undefined;
  }

  failed(error: unknown): void {
    this.since ??= performance.now();
    if (performance.now() - this.since >= PATIENCE_MS) {
      this.last = asKafkaError(error).message;
    }
  }

  over(): void {
    this.since = undefined;
    this.last = undefined;
  }
}
