import type { StoredEvent } from '../event/stored-event.js';
import type { BatchBounds, BatchSource } from '../queueing/event-queue.js';

/** Batches that are passed over between two of them, at most: reading is not free. */
const LONGEST_STRIDE = 32;
/** Its multiples, as fractions, cover a range evenly. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/**
 * Later events of the queue, one at a time, to see whether a sink that refuses those in hand takes any: the
 * newest first, then here and there. What was stored so is not delivered again when its turn comes.
 */
export class Neighbours {
  /** Positions of events that were stored before their turn. */
  private readonly stored = new Set<number>();
  private beyond = 0;
  /** Where to look next. */
  private cursor = 0;
  private stride = 1;
  private tries = 0;

  constructor(
    private readonly source: BatchSource,
    private readonly bounds: BatchBounds,
  ) {}

  /** Everything before the position has its turn. */
  inHandUntil(position: number): void {
    this.beyond = position;
  }

  /** One at or after the position; undefined when there is none. */
  async next(from = this.beyond): Promise<StoredEvent | undefined> {
    const start = Math.max(from, this.cursor);
    const found = await this.find(start);
    if (found || start === from) {
      return found;
    }
    // At the end of the queue: from the front again, at other places.
    this.stride = 1;
    return this.find(from);
  }

  /** The sink has stored it; others close to it may be as good. */
  accepted({ position }: StoredEvent): void {
    this.stored.add(position);
    this.cursor = position;
    this.stride = 1;
  }

  refused(): void {
    this.stride = Math.min(this.stride * 2, LONGEST_STRIDE);
  }

  unstored(events: readonly StoredEvent[]): readonly StoredEvent[] {
    return this.stored.size === 0
      ? events
      : events.filter(({ position }) => !this.stored.has(position));
  }

  /** Everything before the position is settled. */
  committed(position: number): void {
    for (const stored of this.stored) {
      if (stored < position) {
        this.stored.delete(stored);
      }
    }
  }

  /** What was in hand is another's now, and its positions are not used again. */
  giveUp(): void {
    this.stored.clear();
    this.stride = 1;
  }

  private async find(from: number): Promise<StoredEvent | undefined> {
    let found: StoredEvent | undefined;
    let position = from;
    for (let skipped = 0; skipped < this.stride; skipped += 1) {
      const { events, end } = await this.source.peek(position, this.bounds);
      found = this.oneOf(this.unstored(events)) ?? found;
      if (end === position) {
        break;
      }
      position = end;
    }
    this.cursor = position;
    return found;
  }

  private oneOf(events: readonly StoredEvent[]): StoredEvent | undefined {
    const fraction = (0.999 + this.tries * GOLDEN_RATIO) % 1;
    this.tries += events.length === 0 ? 0 : 1;
    return events[Math.floor(fraction * events.length)];
  }
}
