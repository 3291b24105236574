import { close, fdatasync, fstat, open, write } from 'node:fs';
import { truncate, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { syncDirectory } from '../../disk/sync-directory.js';
import type { FileId, QueueFiles } from './queue-files.js';
import { type Segment, segmentPath } from './segment.js';

const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fdatasync);
const statFile = promisify(fstat);

/** Milliseconds: that the files are gone is noticed so much later at most. */
const LOOK_COUNTS_MS = 1;

/** Appends blocks to one segment. After a failure it is done with: its descriptor is never used again. */
export class SegmentWriter {
  private lookedAt = Number.NEGATIVE_INFINITY;

  private constructor(
    readonly segment: Segment,
    private readonly fd: number,
    private readonly id: FileId,
    private readonly files: QueueFiles,
  ) {}

  /** A new segment, durable in its directory before anything is written to it. */
  static async create(directory: string, base: number, files: QueueFiles): Promise<SegmentWriter> {
    await files.assertOwned();
    const path = segmentPath(directory, base);
    const fd = await openFile(path, 'w', 0o600);
    try {
      await syncDirectory(dirname(path));
      const segment = { base, path, bytes: 0, end: undefined };
      return new SegmentWriter(segment, fd, await statFile(fd), files);
    } catch (error) {
      await closeFile(fd);
      throw error;
    }
  }

  /** Continues the last segment of an earlier process; what comes after its last whole block is cut. */
  static async resume(segment: Segment, files: QueueFiles): Promise<SegmentWriter> {
    await truncate(segment.path, segment.bytes);
    const fd = await openFile(segment.path, 'r+');
    // What a killed process had written and not synced is whole and counts from now on.
    await syncFile(fd);
    return new SegmentWriter(segment, fd, await statFile(fd), files);
  }

  /** Calls back once the block is synced. Callbacks, because this runs for each commit. */
  append(block: Buffer, done: (error: Error | null) => void): void {
    const writeRest = (from: number): void => {
      write(
        this.fd,
        block,
        from,
        block.length - from,
        this.segment.bytes + from,
        (error, written) => {
          if (error) {
            done(error);
          } else if (from + written < block.length) {
            writeRest(from + written);
          } else {
            this.sync(done);
          }
        },
      );
    };
    writeRest(0);
  }

  /**
   * What is synced counts only where the next start finds it, which is looked up beside the sync: it takes no time of
   * its own. A look counts for a moment: under load, one for each commit costs a thirtieth of a pixel.
   */
  private sync(done: (error: Error | null) => void): void {
    const now = performance.now();
    if (now - this.lookedAt < LOOK_COUNTS_MS) {
      fdatasync(this.fd, done);
      return;
    }
    this.lookedAt = now;
    const ended: (Error | null)[] = [];
    const end = (error: Error | null): void => {
      if (ended.push(error) === 2) {
        done(ended[0] ?? ended[1] ?? null);
      }
    };
    this.files.checkInPlace(this.segment.path, this.id, end);
    fdatasync(this.fd, end);
  }

  close(): Promise<void> {
    return closeFile(this.fd);
  }

  /**
   * Gives up the segment after a failed write or sync. What was synced stays part of the log; removing
   * the rest is a courtesy to the disk, since the name of the next segment says where this one ends.
   */
  async abandon(tail: number): Promise<void> {
    const { path, base, bytes } = this.segment;
    await this.close().catch(() => undefined);
    await this.files
      .assertOwned()
      .then(() => (base === tail ? unlink(path) : truncate(path, bytes)))
      .catch(() => undefined);
  }
}
