import type { Logger } from '@nestjs/common';

/**
 * So many refusals in a row, without one event accepted, mean that the table or topic is wrong and not
 * the events: the lane holds instead of emptying the queue into the dead letters.
 */
const MAX_REFUSALS_IN_A_ROW = 100;

/** Why a lane delivers nothing although its sink answers. Logs each change once. */
export class Hold {
  private held: string | undefined;
  private forRefusals = false;
  private refusalsInARow = 0;

  constructor(private readonly logger: Logger) {}

  /** Undefined when the lane delivers. */
  get reason(): string | undefined {
    return this.held;
  }

  /** The sink has stored an event. */
  accepted(): void {
    this.refusalsInARow = 0;
  }

  refused(): void {
    this.refusalsInARow += 1;
  }

  /** Whether the next refused event stays in the queue. */
  get refusesTooMuch(): boolean {
    return this.refusalsInARow >= MAX_REFUSALS_IN_A_ROW;
  }

  /** @param error the sink's own words */
  beginForRefusals(error: string): void {
    this.forRefusals = true;
    this.begin(
      `the sink has refused ${this.refusalsInARow} events in a row and accepted none; ` +
        `look at its table or topic. It said: ${error}`,
    );
  }

  begin(reason: string): void {
    if (this.held === undefined) {
      this.logger.error(`holds, its events stay queued: ${reason}`);
    }
    this.held = reason;
  }

  /** Our own disk works. The lane still holds while its sink refuses everything. */
  diskWorks(): void {
    if (this.forRefusals && this.refusesTooMuch) {
      return;
    }
    if (this.held !== undefined) {
      this.logger.log('delivers again');
    }
    this.held = undefined;
    this.forRefusals = false;
  }
}
