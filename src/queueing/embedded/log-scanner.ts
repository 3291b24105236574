import type { StoredEvent } from '../../event/stored-event.js';
import { decodeBody } from './block.js';
import type { Cursor } from './cursor.js';
import type { Damage } from './damage.js';
import { openSegment, type Segment } from './segment.js';
import type { Found, SegmentReader } from './segment-reader.js';

/** What a sink's reader needs of the log. */
export interface Log {
  /** Position after the last durable event. */
  readonly tail: number;
  /** The segment that holds the position, or the next one after it. */
  segmentAt(position: number): Segment | undefined;
  /** Durable when it resolves. */
  commitCursor(name: string, cursor: Cursor): Promise<void>;
}

/** A stretch of the log that was read. */
export interface Stretch {
  readonly events: readonly StoredEvent[];
  /** Position after its last event. */
  readonly end: number;
  readonly committedAtMs: number;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Reads the log from a position on, across segments, and skips what is damaged. */
export class LogScanner {
  private segment: Segment | undefined;
  private reader: SegmentReader | undefined;
  /** Skipped events that are not committed, as ranges: a lost segment may have held very many. */
  private skipped: Range[] = [];

  constructor(
    private readonly log: Log,
    private readonly damage: Pick<Damage, 'found'>,
    /** Position after what was read. */
    private position: number,
  ) {}

  get end(): number {
    return this.position;
  }

  /** The next stretch, without events when all of them are damaged; undefined at the tail. */
  async next(): Promise<Stretch | undefined> {
    for (;;) {
      const segment = await this.segmentToRead();
      if (!segment) {
        return undefined;
      }
      const found = await this.reader?.next(segment.bytes, segment.end ?? this.log.tail);
      if (found) {
        const stretch = await this.take(segment, found);
        if (stretch) {
          return stretch;
        }
      } else if (segment.end === undefined) {
        return undefined;
      } else {
        await this.close();
      }
    }
  }

  /** How many events before the position were skipped, and are not committed. */
  skippedBefore(position: number): number {
    return this.skipped.reduce(
      (sum, { start, end }) => sum + Math.max(0, Math.min(end, position) - start),
      0,
    );
  }

  committed(position: number): void {
    this.skipped = this.skipped
      .filter(({ end }) => end > position)
      .map(({ start, end }) => ({ start: Math.max(start, position), end }));
  }

  async close(): Promise<void> {
    await this.reader?.close();
    this.reader = undefined;
    this.segment = undefined;
  }

  private async segmentToRead(): Promise<Segment | undefined> {
    if (this.segment) {
      return this.segment;
    }
    const segment = this.log.segmentAt(this.position);
    if (!segment) {
      return undefined;
    }
    this.reader = await openSegment(segment);
    this.segment = segment;
    const { position } = this;
    const missing = this.skip(position, segment.base);
    if (missing > 0) {
      await this.damage.found(segment, { offset: 0, bytes: 0 }, position, segment.base, missing);
    }
    return segment;
  }

  private take(segment: Segment, found: Found): Promise<Stretch | undefined> {
    if (found.kind === 'torn') {
      throw new Error('a segment with a known end is never torn');
    }
    return found.kind === 'gap' ? this.takeGap(segment, found) : this.takeBlock(segment, found);
  }

  private async takeGap(segment: Segment, gap: Found & { kind: 'gap' }): Promise<undefined> {
    const { position, count } = gap;
    const end = position + count;
    const unsettled = this.skip(position, end);
    if (unsettled > 0) {
      await this.damage.found(segment, gap, position, end, unsettled);
    }
  }

  private async takeBlock(
    segment: Segment,
    { header, body, offset }: Found & { kind: 'block' },
  ): Promise<Stretch | undefined> {
    const end = header.position + header.count;
    if (end <= this.position) {
      return undefined;
    }
    const decoded = decodeBody(header, body);
    const events = decoded.events.filter(({ position }) => position >= this.position);
    let unsettled = 0;
    for (const position of decoded.damaged) {
      unsettled += this.skip(position, position + 1);
    }
    this.position = end;
    if (unsettled > 0) {
      const bytes = header.blockBytes;
      const first = decoded.damaged[0] as number;
      await this.damage.found(segment, { offset, bytes }, first, end, unsettled);
    }
    return { events, end, committedAtMs: header.committedAtMs };
  }

  /**
   * Damaged events before the cursor were settled when they were whole.
   * @returns how many were not
   */
  private skip(position: number, end: number): number {
    const start = Math.max(position, this.position);
    if (end <= start) {
      return 0;
    }
    this.skipped.push({ start, end });
    this.position = end;
    return end - start;
  }
}
