import type { StoredEvent } from '../../event/stored-event.js';
import {
  type Account,
  type AccountChange,
  type Batch,
  type BatchBounds,
  BatchSource,
  type Progress,
} from '../event-queue.js';
import { decodeBody } from './block.js';
import { accountOf, changeAccount, type Cursor, progressOf } from './cursor.js';
import { monotonicNowMs } from './monotonic-clock.js';
import type { Damage } from './damage.js';
import { openSegment, type Segment } from './segment.js';
import type { Found, SegmentReader } from './segment-reader.js';

/** What a reader needs of the log it reads. */
export interface Log {
  /** Position behind the last durable event. */
  readonly tail: number;
  readonly damage: Damage;
  /** The segment that holds the position, or the next one behind it. */
  segmentAt(position: number): Segment | undefined;
  /** Durable when it resolves. */
  commitCursor(name: string, cursor: Cursor): Promise<void>;
}

/** A stretch of the log that was read and is not committed. */
interface Stretch {
  readonly end: number;
  readonly committedAtMs: number;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

export class LogReader extends BatchSource {
  private segment: Segment | undefined;
  private reader: SegmentReader | undefined;
  /** Position behind what was read from disk. */
  private readPosition: number;
  /** Position behind what was handed out. */
  private position: number;
  /** Read, for the next batch. */
  private leftover: readonly StoredEvent[] = [];
  private stretches: Stretch[] = [];
  /** Damaged events that are not committed, as ranges: a lost segment may have held very many. */
  private damaged: Range[] = [];
  /** Not after the commit of the first event that is not read yet; undefined when all are read. */
  private unreadSinceMs: number | undefined;
  /** Of events appended by this process; a backlog of an earlier one is not counted. */
  private unreadBytes = 0;
  private wake: (() => void) | undefined;

  constructor(
    private readonly log: Log,
    readonly name: string,
    private cursor: Cursor,
  ) {
    super();
    this.position = cursor.position;
    this.readPosition = this.position;
  }

  get depth(): number {
    return this.log.tail - this.cursor.position;
  }

  get progress(): Progress {
    return progressOf(this.cursor, this.log.tail);
  }

  get account(): Account {
    return accountOf(this.cursor);
  }

  get oldestEventAgeSeconds(): number {
    const oldestMs = this.stretches[0]?.committedAtMs ?? this.unreadSinceMs;
    return this.depth === 0 || oldestMs === undefined
      ? 0
      : Math.max(0, monotonicNowMs() - oldestMs) / 1000;
  }

  /** Told by the log after each commit. */
  appended(committedAtMs: number, eventBytes: number): void {
    this.unreadSinceMs ??= committedAtMs;
    this.unreadBytes += eventBytes;
    this.wake?.();
  }

  /** Reads the first block of an earlier process's backlog, so that its age is known before its sink is up. */
  async prime(): Promise<void> {
    if (this.depth > 0) {
      await this.readMore();
    }
  }

  async read(bounds: BatchBounds, signal: AbortSignal): Promise<Batch> {
    await this.untilWorthReading(bounds, signal);
    const events: StoredEvent[] = [];
    let bytes = 0;
    let full = false;
    while (!full && (this.leftover.length > 0 || (await this.readMoreFor(events)))) {
      let fitting = 0;
      for (const { json } of this.leftover) {
        full =
          events.length + fitting === bounds.maxEvents ||
          (events.length + fitting > 0 && bytes + json.length > bounds.maxBytes);
        if (full) {
          break;
        }
        bytes += json.length;
        fitting += 1;
      }
      events.push(...this.leftover.slice(0, fitting));
      this.leftover = this.leftover.slice(fitting);
      full ||= events.length === bounds.maxEvents;
    }
    this.unreadBytes = Math.max(0, this.unreadBytes - bytes);
    this.position = this.leftover[0]?.position ?? this.readPosition;
    if (this.position === this.log.tail) {
      this.unreadBytes = 0;
    }
    return { events, end: this.position };
  }

  async commit(position: number, change: AccountChange): Promise<void> {
    const corrupt = this.damaged.reduce(
      (sum, { start, end }) => sum + Math.max(0, Math.min(end, position) - start),
      0,
    );
    const { cursor } = this;
    await this.save(
      changeAccount({ ...cursor, position, corrupt: cursor.corrupt + corrupt }, change),
    );
    this.damaged = this.damaged
      .filter(({ end }) => end > position)
      .map(({ start, end }) => ({ start: Math.max(start, position), end }));
    this.stretches = this.stretches.filter((stretch) => stretch.end > position);
  }

  updateAccount(change: AccountChange): Promise<void> {
    return this.save(changeAccount(this.cursor, change));
  }

  async close(): Promise<void> {
    await this.reader?.close();
    this.reader = undefined;
    this.segment = undefined;
  }

  private async save(cursor: Cursor): Promise<void> {
    await this.log.commitCursor(this.name, cursor);
    this.cursor = cursor;
  }

  private async untilWorthReading(bounds: BatchBounds, signal: AbortSignal): Promise<void> {
    let lingering: NodeJS.Timeout | undefined;
    let lingered = bounds.lingerMs === 0;
    try {
      for (;;) {
        signal.throwIfAborted();
        const unread = this.log.tail - this.position;
        if (unread > 0 && (lingered || unread >= bounds.maxEvents)) {
          return;
        }
        if (unread > 0 && this.unreadBytes >= bounds.maxBytes) {
          return;
        }
        if (unread > 0) {
          lingering ??= setTimeout(() => {
            lingered = true;
            this.wake?.();
          }, bounds.lingerMs);
        }
        await this.woken(signal);
      }
    } finally {
      clearTimeout(lingering);
    }
  }

  private woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.wake = undefined;
        resolve();
      };
      this.wake = wake;
      signal.addEventListener('abort', wake);
    });
  }

  /** What was read before a failure is handed out; the failure comes again with the next read. */
  private async readMoreFor(events: readonly StoredEvent[]): Promise<boolean> {
    try {
      return await this.readMore();
    } catch (error) {
      if (events.length === 0) {
        throw error;
      }
      return false;
    }
  }

  /** Reads on until there is something for `leftover`. False at the tail. */
  private async readMore(): Promise<boolean> {
    while (this.leftover.length === 0) {
      const segment = await this.segmentToRead();
      if (!segment) {
        break;
      }
      const found = await this.reader?.next(segment.bytes, segment.end ?? this.log.tail);
      if (found) {
        await this.take(segment, found);
      } else if (segment.end === undefined) {
        break;
      } else {
        await this.close();
      }
    }
    if (this.readPosition === this.log.tail) {
      this.unreadSinceMs = undefined;
    }
    return this.leftover.length > 0;
  }

  private async segmentToRead(): Promise<Segment | undefined> {
    if (this.segment) {
      return this.segment;
    }
    const segment = this.log.segmentAt(this.readPosition);
    if (!segment) {
      return undefined;
    }
    this.reader = await openSegment(segment);
    this.segment = segment;
    const position = this.readPosition;
    const missing = this.skip(position, segment.base);
    if (missing > 0) {
      await this.log.damage.found(segment, 0, 0, position, segment.base, missing);
    }
    return segment;
  }

  private async take(segment: Segment, found: Found): Promise<void> {
    if (found.kind === 'torn') {
      throw new Error('a segment with a known end is never torn');
    }
    if (found.kind === 'gap') {
      const { position, count, offset, bytes } = found;
      const end = position + count;
      const unsettled = this.skip(position, end);
      if (unsettled > 0) {
        await this.log.damage.found(segment, offset, bytes, position, end, unsettled);
      }
      return;
    }
    const { header, offset } = found;
    const end = header.position + header.count;
    if (end <= this.readPosition) {
      return;
    }
    const { events, damaged } = decodeBody(header, found.body);
    this.leftover = events.filter(({ position }) => position >= this.readPosition);
    this.stretches.push({ end, committedAtMs: header.committedAtMs });
    this.unreadSinceMs = header.committedAtMs;
    let unsettled = 0;
    for (const position of damaged) {
      unsettled += this.skip(position, position + 1);
    }
    this.readPosition = end;
    if (unsettled > 0) {
      await this.log.damage.found(
        segment,
        offset,
        header.blockBytes,
        damaged[0] as number,
        end,
        unsettled,
      );
    }
  }

  /**
   * Damaged events before the cursor were settled when they were whole.
   * @returns how many were not
   */
  private skip(position: number, end: number): number {
    const start = Math.max(position, this.readPosition);
    if (end <= start) {
      return 0;
    }
    this.damaged.push({ start, end });
    this.readPosition = end;
    return end - start;
  }
}
