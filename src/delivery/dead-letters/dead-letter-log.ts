import type { Logger } from '@nestjs/common';

const EVERY = 1000;
/** More causes than that share one count: a sink's words may differ for each event. */
const MAX_CAUSES = 100;

/** Writes a line for the first dead letter of a cause and for every thousandth, and for no other. */
export class DeadLetterLog {
  private readonly counts = new Map<string, number>();

  constructor(private readonly logger: Pick<Logger, 'warn'>) {}

  /** @param error why it is one, without a part of the event */
  written(error: string): void {
    const cause = this.causeIn(error);
    const count = (this.counts.get(cause) ?? 0) + 1;
    this.counts.set(cause, count);
    if (count === 1) {
      this.logger.warn(`keeps an event that the sink refuses, the first for this cause: ${error}`);
    } else if (count % EVERY === 0) {
      this.logger.warn(`keeps ${count} events that the sink refuses for this cause: ${error}`);
    }
  }

  /** Numbers in it, a size for instance, make no other cause. */
  private causeIn(error: string): string {
    const cause = error.replaceAll(/\d+/g, '#');
    return this.counts.has(cause) || this.counts.size < MAX_CAUSES ? cause : '';
  }
}
