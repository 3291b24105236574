import { truncate, unlink } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import type { Cursor, Cursors } from './cursor.js';
import type { CursorFile } from './cursor-file.js';
import type { Log } from './log-scanner.js';
import type { QueueFiles } from './queue-files.js';
import { findTail, listSegments, type Segment, segmentAt } from './segment.js';
import { SegmentWriter } from './segment-writer.js';

const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
const MIN_SEGMENT_BYTES = 64 * 1024;

/** Where the log is kept. */
interface QueueHome {
  readonly path: string;
  readonly files: QueueFiles;
}

/**
 * The log of a queue: segments, of which the last one is written to, and the cursors, which say which of
 * them are still needed.
 */
export class SegmentLog implements Log {
  /** Called whenever a segment that every sink is done with has given its space back. */
  onSpaceFreed: () => void = () => undefined;
  private readonly logger = new Logger('Queue');
  private writer: SegmentWriter | undefined;
  private byteCount = 0;

  private constructor(
    private readonly home: QueueHome,
    private readonly segmentBytes: number,
    private readonly cursorFile: CursorFile,
    private readonly segments: Segment[],
    private tailPosition: number,
  ) {
    for (const segment of segments) {
      this.byteCount += segment.bytes;
    }
  }

  /** As it stands on disk; nothing is changed before `start`. */
  static async load(
    home: QueueHome,
    maxBytes: number,
    cursorFile: CursorFile,
  ): Promise<SegmentLog> {
    const segments = await listSegments(home.path);
    const tail = await findTail(segments, cursorFile.cursors);
    const segmentBytes = Math.min(
      MAX_SEGMENT_BYTES,
      Math.max(MIN_SEGMENT_BYTES, Math.floor(maxBytes / 16)),
    );
    return new SegmentLog(home, segmentBytes, cursorFile, segments, tail);
  }

  get directory(): string {
    return this.home.path;
  }

  get tail(): number {
    return this.tailPosition;
  }

  /** Position of the first event that is still there; undefined when there is no segment. */
  get base(): number | undefined {
    return this.segments[0]?.base;
  }

  /** What the segments take on disk. */
  get bytes(): number {
    return this.byteCount;
  }

  /** False after a failure, until `roll`. */
  get isWritable(): boolean {
    return this.writer !== undefined;
  }

  /** The segment that is written to has reached its size: `roll` comes next. */
  get isSegmentFull(): boolean {
    return this.writer !== undefined && this.writer.segment.bytes >= this.segmentBytes;
  }

  segmentAt(position: number): Segment | undefined {
    return segmentAt(this.segments, position);
  }

  /** Writes the cursors and makes the log ready for `append`. */
  async start(cursors: Cursors): Promise<void> {
    // Both slots: a disk that the backlog has filled has no room for a slot that was never written.
    await this.cursorFile.save(() => cursors);
    await this.cursorFile.save(() => cursors);
    const last = this.segments.at(-1);
    if (last && last.end === undefined) {
      this.writer = await SegmentWriter.resume(last, this.home.files);
    } else if (!last) {
      await this.beginSegment();
    }
  }

  /** Calls back once the block is synced. Callbacks, because this runs for each commit. */
  append(block: Buffer, events: number, done: (error: Error | null) => void): void {
    const writer = this.writer as SegmentWriter;
    writer.append(block, (error) => {
      if (!error) {
        writer.segment.bytes += block.length;
        this.byteCount += block.length;
        this.tailPosition += events;
      }
      done(error);
    });
  }

  /** Seals the segment that is written to, if any, and begins the next one. */
  async roll(): Promise<void> {
    const { writer } = this;
    this.writer = undefined;
    if (writer) {
      writer.segment.end = this.tailPosition;
      await writer.close();
      await this.reclaim();
    }
    await this.beginSegment();
  }

  /** After a failed write or sync: the segment ends with the last block that was synced. */
  async abandonSegment(): Promise<void> {
    const { writer } = this;
    this.writer = undefined;
    if (writer) {
      this.seal(writer.segment);
      await writer.abandon(this.tailPosition);
    }
    // What is delivered may be all that fills the disk.
    await this.reclaim();
  }

  /** Durable when it resolves. */
  async commitCursor(name: string, cursor: Cursor): Promise<void> {
    await this.cursorFile.save((cursors) => this.withTail({ ...cursors, [name]: cursor }));
    await this.reclaim();
  }

  /** For a queue to which nothing is written. @throws QueueFilesGoneError */
  assertInPlace(): Promise<void> {
    return this.cursorFile.assertInPlace();
  }

  async close(): Promise<void> {
    await this.writer?.close();
    await this.recordTail().catch(() => undefined);
    await this.cursorFile.close();
  }

  /** Removes the segments that every sink is done with, by both copies of the cursors: either may be damaged. */
  async reclaim(): Promise<void> {
    for (;;) {
      const first = this.segments[0];
      const [settled = 0, inOlderCopy = 0] = this.cursorFile.copies.map(settledIn);
      if (first?.end === undefined || first.end > settled) {
        return;
      }
      if (first.end <= inOlderCopy) {
        this.segments.shift();
        this.byteCount -= first.bytes;
        this.onSpaceFreed();
        await this.remove(first);
      } else if (!(await this.renewOlderCopy())) {
        return;
      }
    }
  }

  private async beginSegment(): Promise<void> {
    this.writer = await SegmentWriter.create(this.directory, this.tailPosition, this.home.files);
    this.segments.push(this.writer.segment);
  }

  private seal(segment: Segment): void {
    segment.end = this.tailPosition;
    if (segment.base === this.tailPosition) {
      this.segments.splice(this.segments.indexOf(segment), 1);
      this.byteCount -= segment.bytes;
    }
  }

  private renewOlderCopy(): Promise<boolean> {
    return this.cursorFile
      .save((cursors) => cursors)
      .then(
        () => true,
        () => false,
      );
  }

  private async remove({ path }: Segment): Promise<void> {
    try {
      await this.home.files.assertOwned();
      // A reader may still have it open, which would keep its space.
      await truncate(path).catch(() => undefined);
      await unlink(path);
    } catch (error) {
      this.logger.warn(`cannot remove ${path}, which is delivered: ${(error as Error).message}`);
    }
  }

  /** So that the next start misses what the log has lost until then. */
  private async recordTail(): Promise<void> {
    const { cursors } = this.cursorFile;
    if (Object.values(cursors).some(({ tail }) => tail !== this.tail)) {
      await this.cursorFile.save((current) => this.withTail(current));
    }
  }

  private withTail(cursors: Cursors): Cursors {
    return Object.fromEntries(
      Object.entries(cursors).map(([name, cursor]) => [name, { ...cursor, tail: this.tail }]),
    );
  }
}

/** Every sink is done with what is before it. */
function settledIn(cursors: Cursors): number {
  return Math.min(...Object.values(cursors).map(({ position }) => position));
}
