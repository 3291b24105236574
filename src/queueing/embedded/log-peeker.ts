import type { StoredEvent } from '../../event/stored-event.js';
import type { Batch, BatchBounds } from '../event-queue.js';
import { type Log, LogScanner } from './log-scanner.js';

/** Who reads for delivery finds it again, counts it and keeps its bytes. */
const UNSEEN_DAMAGE = { found: (): Promise<void> => Promise.resolve() };

/** Reads the log ahead of delivery; what it reads is read again. Positions that follow each other are cheap. */
export class LogPeeker {
  private scanner: LogScanner | undefined;
  /** Position after what was given out last. */
  private end = -1;
  private readAhead: readonly StoredEvent[] = [];

  constructor(private readonly log: Log) {}

  /** @param start a position that is not before the sink's cursor */
  async peek(start: number, bounds: BatchBounds): Promise<Batch> {
    if (start >= this.log.tail) {
      return { events: [], end: start };
    }
    try {
      const scanner = await this.scannerAt(start);
      const events: StoredEvent[] = [];
      while (this.readAhead.length > 0 || (await this.readMore(scanner))) {
        const fitting = countFitting(this.readAhead, events, bounds);
        events.push(...this.readAhead.slice(0, fitting));
        this.readAhead = this.readAhead.slice(fitting);
        if (this.readAhead.length > 0) {
          break;
        }
      }
      this.end = this.readAhead[0]?.position ?? scanner.end;
      return { events, end: this.end };
    } catch (error) {
      await this.close().catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    const { scanner } = this;
    this.scanner = undefined;
    await scanner?.close();
  }

  private async scannerAt(start: number): Promise<LogScanner> {
    if (!this.scanner || this.end !== start) {
      await this.close();
      this.readAhead = [];
      this.scanner = new LogScanner(this.log, UNSEEN_DAMAGE, start);
    }
    return this.scanner;
  }

  private async readMore(scanner: LogScanner): Promise<boolean> {
    while (this.readAhead.length === 0) {
      const stretch = await scanner.next();
      if (!stretch) {
        return false;
      }
      this.readAhead = stretch.events;
    }
    return true;
  }
}

function countFitting(
  next: readonly StoredEvent[],
  taken: readonly StoredEvent[],
  { maxEvents, maxBytes }: BatchBounds,
): number {
  let bytes = taken.reduce((sum, { json }) => sum + json.length, 0);
  const beyond = next.findIndex(({ json }, index) => {
    const count = taken.length + index;
    bytes += json.length;
    return count === maxEvents || (count > 0 && bytes > maxBytes);
  });
  return beyond === -1 ? next.length : beyond;
}
