import type { StoredEvent } from '../../event/stored-event.js';
import type { Batch, BatchBounds } from '../event-queue.js';

/** Events that were handed out and are not committed are kept up to this size, and those handed out last in any case. */
const KEPT_BYTES = 8 * 1024 * 1024;

export interface Arrival {
  readonly partition: number;
  readonly offset: number;
  /** How many offsets it covers. */
  readonly length: number;
  /** One for each offset that a record may have; undefined where there is no event. */
  readonly events: readonly (Buffer | undefined)[];
  /** Records, or why there are none: the log has a gap there, or retention has deleted them. */
  readonly kind: 'records' | 'gap' | 'expired';
  /** The time of its first record; undefined when there are none. */
  readonly timestampMs: number | undefined;
}

interface Stretch {
  readonly arrival: Omit<Arrival, 'events'>;
  /** The position of its first offset. */
  readonly position: number;
  readonly end: number;
  readonly bytes: number;
  /** Positions without an event. */
  readonly missing: readonly number[];
  /** Undefined when they are no longer kept. */
  events: readonly StoredEvent[] | undefined;
}

/** How far a commit settles a partition. */
export interface Advance {
  readonly offset: number;
  /** So many more offsets without an event, and records that are gone. */
  readonly skipped: number;
  readonly expired: number;
}

/**
 * What was read of all partitions, in one order: each offset has a position. The first part is handed out, the rest is
 * waiting for its turn. Positions of what is dropped are not used again.
 */
export class Backlog {
  private stretches: Stretch[] = [];
  /** Position after the last stretch, after what was handed out, and after what is committed. */
  private end = 0;
  private handedEnd = 0;
  private committedEnd = 0;
  private unreadEventCount = 0;
  private unreadByteCount = 0;

  get handed(): number {
    return this.handedEnd;
  }

  /** How many events are not handed out. */
  get unreadEvents(): number {
    return this.unreadEventCount;
  }

  get unreadBytes(): number {
    return this.unreadByteCount;
  }

  get hasUnread(): boolean {
    return this.end > this.handedEnd;
  }

  /** Partitions with something that was handed out and is not committed. */
  get inHand(): ReadonlySet<number> {
    return new Set(
      this.stretches
        .filter(({ position }) => position < this.handedEnd)
        .filter(({ end }) => Math.min(end, this.handedEnd) > this.committedEnd)
        .map(({ arrival }) => arrival.partition),
    );
  }

  /** Before anything has arrived. */
  beginAt(position: number): void {
    if (this.end === 0) {
      this.end = position;
      this.handedEnd = position;
      this.committedEnd = position;
    }
  }

  /** @returns how many of its offsets hold no event */
  add({ events, ...arrival }: Arrival): number {
    const position = this.end;
    const stored: StoredEvent[] = [];
    const missing: number[] = [];
    let bytes = 0;
    for (const [distance, json] of events.entries()) {
      if (json) {
        stored.push({ position: position + distance, json });
        bytes += json.length;
      } else {
        missing.push(position + distance);
      }
    }
    this.end = position + arrival.length;
    this.stretches.push({ arrival, position, end: this.end, bytes, missing, events: stored });
    this.unreadEventCount += stored.length;
    this.unreadByteCount += bytes;
    return arrival.kind === 'gap' ? arrival.length : missing.length;
  }

  take(bounds: BatchBounds): Batch {
    const start = this.handedEnd;
    const batch = this.peek(start, bounds);
    this.handedEnd = batch.end;
    this.unreadEventCount -= batch.events.length;
    this.unreadByteCount -= batch.events.reduce((sum, { json }) => sum + json.length, 0);
    this.forgetBefore(start);
    return batch;
  }

  /** From the position on, or from what is committed if that is later. */
  peek(position: number, { maxEvents, maxBytes }: BatchBounds): Batch {
    const from = Math.max(position, this.committedEnd);
    const events: StoredEvent[] = [];
    let bytes = 0;
    let end = from;
    for (const stretch of this.stretches) {
      if (stretch.end <= from) {
        continue;
      }
      for (const event of stretch.events ?? []) {
        if (event.position < from) {
          continue;
        }
        const isOver = events.length > 0 && bytes + event.json.length > maxBytes;
        if (events.length === maxEvents || isOver) {
          return { events, end: event.position };
        }
        events.push(event);
        bytes += event.json.length;
      }
      end = stretch.end;
      if (events.length === maxEvents) {
        break;
      }
    }
    return { events, end };
  }

  /** What a commit of the position would settle, by partition. */
  advancesTo(position: number): ReadonlyMap<number, Advance> {
    const advances = new Map<number, Advance>();
    const upTo = Math.min(position, this.handedEnd);
    for (const { arrival, position: start, end, missing } of this.stretches) {
      const from = Math.max(start, this.committedEnd);
      const to = Math.min(end, upTo);
      if (start >= upTo || to <= from) {
        continue;
      }
      const { partition, offset, kind } = arrival;
      const { skipped, expired } = advances.get(partition) ?? { skipped: 0, expired: 0 };
      const gone =
        kind === 'gap' ? to - from : missing.filter((at) => at >= from && at < to).length;
      advances.set(partition, {
        offset: offset + to - start,
        skipped: skipped + gone,
        expired: expired + (kind === 'expired' ? to - from : 0),
      });
    }
    return advances;
  }

  /** Everything before the position is settled. */
  committed(position: number): void {
    this.committedEnd = Math.max(this.committedEnd, Math.min(position, this.handedEnd));
    const first = this.stretches.findIndex(({ end }) => end > this.committedEnd);
    this.stretches.splice(0, first < 0 ? this.stretches.length : first);
  }

  /** What waits of these partitions, none of which is in hand. */
  drop(partitions: ReadonlySet<number>): void {
    this.keep(({ arrival }) => !partitions.has(arrival.partition));
  }

  /** Everything, handed out or not. */
  reset(): void {
    this.keep(() => false);
    this.handedEnd = this.end;
    this.committedEnd = this.end;
  }

  /** Time of the oldest record that is not committed, ms; undefined when none is known. */
  get oldestMs(): number | undefined {
    const times = this.stretches
      .map(({ arrival }) => arrival.timestampMs)
      .filter((time) => time !== undefined);
    return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b));
  }

  private keep(isKept: (stretch: Stretch) => boolean): void {
    this.stretches = this.stretches.filter(isKept);
    const unread = this.stretches
      .flatMap(({ events }) => events ?? [])
      .filter(({ position }) => position >= this.handedEnd);
    this.unreadEventCount = unread.length;
    this.unreadByteCount = unread.reduce((sum, { json }) => sum + json.length, 0);
  }

  /** The oldest of what was handed out before, once it is too much: the lane has what it still needs of it. */
  private forgetBefore(position: number): void {
    const next = this.stretches.findIndex(({ end }) => end > position);
    const handedOut = this.stretches.slice(0, next < 0 ? undefined : next);
    let bytes = handedOut.reduce((sum, stretch) => sum + (stretch.events ? stretch.bytes : 0), 0);
    for (const stretch of handedOut) {
      if (bytes <= KEPT_BYTES) {
        return;
      }
      bytes -= stretch.events ? stretch.bytes : 0;
      stretch.events = undefined;
    }
  }
}
