import { readdir, readFile, rename, statfs, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { makeDirectory } from '../../disk/make-directory.js';
import { syncDirectory } from '../../disk/sync-directory.js';
import type { EncodedEvent } from '../../event/stored-event.js';
import type { LaneStats, PipelineObserver, QueueStats } from '../../metrics/pipeline-observer.js';
import {
  EventQueue,
  QueueFullError,
  type QueueState,
  QueueUnavailableError,
} from '../event-queue.js';
import { blockBytesOf, encodeBlock } from './block.js';
import { type Cursor, type Cursors, ledgerOf } from './cursor.js';
import { CursorFile } from './cursor-file.js';
import { Damage } from './damage.js';
import { type Log, LogReader } from './log-reader.js';
import { OwnerLock } from './owner-lock.js';
import { QueueStartError } from './queue-start-error.js';
import { findTail, listSegments, type Segment, segmentAt } from './segment.js';
import { SegmentWriter } from './segment-writer.js';

const FORMAT = 'gotrack-queue 1';
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
const MIN_SEGMENT_BYTES = 64 * 1024;
/** What waits beyond this goes into the next block; one append is never split. */
const MAX_BLOCK_BYTES = 4 * 1024 * 1024;
/**
 * More waits for the disk only when it takes less than what comes: one sync serves whatever waits. Each append
 * is a request that waits in memory.
 */
const MAX_WAITING_APPENDS = 8192;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Less room than this counts as full: an event of the usual size may still fit, most requests do not. */
const MIN_ROOM_BYTES = 64 * 1024;
/** How often a queue whose disk failed tries whether it works again. */
const PROBE_INTERVAL_MS = 250;

export interface EmbeddedQueueOptions {
  readonly directory: string;
  readonly maxBytes: number;
  readonly sinks: readonly string[];
}

interface Waiter {
  readonly events: readonly EncodedEvent[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * The queue on local disk: one append-only log of segments, and one cursor for each sink.
 *
 * Group commit: while a sync is under way, whatever else is appended waits and shares the next block.
 * After a failed write or sync, nothing is taken until a probe on a new segment has been synced.
 */
export class EmbeddedQueue extends EventQueue implements Log {
  private readonly logger = new Logger('Queue');
  private readonly readers = new Map<string, LogReader>();
  private readonly segmentBytes: number;
  private writer: SegmentWriter | undefined;
  private bytes = 0;
  private waiting: Waiter[] = [];
  /** Of appends that wait or are being written. */
  private pendingBytes = 0;
  private committing = false;
  private diskError: Error | undefined;
  private full = false;
  private closing: (() => void) | undefined;
  private probe: NodeJS.Timeout | undefined;

  private constructor(
    private readonly options: EmbeddedQueueOptions,
    private readonly lock: OwnerLock,
    private readonly cursorFile: CursorFile,
    private readonly segments: Segment[],
    private tailPosition: number,
    readonly damage: Damage,
    private readonly observer: PipelineObserver,
  ) {
    super();
    this.segmentBytes = Math.min(
      MAX_SEGMENT_BYTES,
      Math.max(MIN_SEGMENT_BYTES, Math.floor(options.maxBytes / 16)),
    );
    for (const segment of segments) {
      this.bytes += segment.bytes;
    }
  }

  /** @throws QueueStartError when the directory cannot be used as it is */
  static async open(
    options: EmbeddedQueueOptions,
    observer: PipelineObserver,
  ): Promise<EmbeddedQueue> {
    const { directory } = options;
    await prepareDirectory(directory);
    const lock = OwnerLock.take(directory);
    try {
      await checkFormat(directory);
      const cursorFile = await CursorFile.load(directory);
      const segments = await listSegments(directory);
      const tail = await findTail(segments, cursorFile.cursors);
      const damage = new Damage(join(directory, 'damaged'), observer);
      const queue = new EmbeddedQueue(options, lock, cursorFile, segments, tail, damage, observer);
      await queue.start();
      return queue;
    } catch (error) {
      lock.release();
      throw error instanceof QueueStartError ? error : unusable(directory, error as Error);
    }
  }

  get tail(): number {
    return this.tailPosition;
  }

  get state(): QueueState {
    if (this.closing) {
      return 'closed';
    }
    if (this.diskError) {
      return 'failing';
    }
    return this.full ? 'full' : 'accepting';
  }

  get overloaded(): boolean {
    return this.waiting.length >= MAX_WAITING_APPENDS || this.pendingBytes >= MAX_WAITING_BYTES;
  }

  get failure(): string | undefined {
    return this.diskError?.message;
  }

  reader(name: string): LogReader {
    const reader = this.readers.get(name);
    if (!reader) {
      throw new Error(`the queue was opened without a sink named ${name}`);
    }
    return reader;
  }

  append(events: readonly EncodedEvent[]): Promise<void> {
    if (this.closing) {
      return Promise.reject(
        new QueueUnavailableError('draining', 'the collector is shutting down'),
      );
    }
    if (this.diskError) {
      return Promise.reject(unavailable(this.diskError));
    }

    let eventBytes = 0;
    for (const event of events) {
      eventBytes += event.length;
    }
    const bytes = blockBytesOf(events.length, eventBytes);
    if (bytes > this.room) {
      this.tellWhetherFull();
      return Promise.reject(new QueueFullError());
    }
    this.pendingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.waiting.push({ events, bytes, resolve, reject });
      if (this.committing) {
        return;
      }
      this.committing = true;
      // Not at once: requests that arrived together share the block.
      setImmediate(() => this.commit());
    });
  }

  segmentAt(position: number): Segment | undefined {
    return segmentAt(this.segments, position);
  }

  async commitCursor(name: string, cursor: Cursor): Promise<void> {
    await this.cursorFile.save((cursors) => this.withTail({ ...cursors, [name]: cursor }));
    await this.reclaim();
  }

  async stats(): Promise<QueueStats> {
    const { bavail, bsize } = await statfs(this.options.directory);
    return {
      bytes: this.bytes,
      capacityBytes: this.options.maxBytes,
      filesystemAvailableBytes: bavail * bsize,
    };
  }

  laneStats(): readonly LaneStats[] {
    const nowMs = monotonicNowMs();
    return [...this.readers.values()].map(({ name, ledger, oldestCommittedAtMs }) => ({
      sink: name,
      ledger,
      oldestEventAgeSeconds: Math.max(0, nowMs - (oldestCommittedAtMs ?? nowMs)) / 1000,
    }));
  }

  /** Takes nothing more, finishes what is being written, and gives the directory free. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.closing = resolve;
      if (!this.committing) {
        resolve();
      }
    });
    clearTimeout(this.probe);
    for (const reader of this.readers.values()) {
      await reader.close();
    }
    await this.writer?.close();
    await this.recordTail().catch(() => undefined);
    await this.cursorFile.close();
    this.lock.release();
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

  private async start(): Promise<void> {
    const cursors = this.startingCursors();
    // Both slots: a disk that the backlog has filled has no room for a slot that was never written.
    await this.cursorFile.save(() => cursors);
    await this.cursorFile.save(() => cursors);
    const last = this.segments.at(-1);
    if (last && last.end === undefined) {
      this.writer = await SegmentWriter.resume(last);
    } else if (!last) {
      this.writer = await SegmentWriter.create(this.options.directory, this.tailPosition);
      this.segments.push(this.writer.segment);
    }
    for (const [name, cursor] of Object.entries(cursors)) {
      const reader = new LogReader(this, name, cursor);
      this.readers.set(name, reader);
      // Only to know how old the backlog is: what cannot be read is the lane's to tell.
      await reader.prime().catch(() => undefined);
    }
    await this.reclaim();
    this.tellWhetherFull();
    this.committing = true;
    this.commit();
    this.observer.queueOpened(() => this.stats());
    this.observer.lanesOpened(() => this.laneStats());
  }

  /** A sink that is new starts at the end; without a cursor file, every sink starts at the beginning. */
  private startingCursors(): Cursors {
    const known = this.cursorFile.cursors;
    for (const [name, cursor] of Object.entries(known)) {
      const undelivered = ledgerOf(cursor, this.tail).queued;
      if (!this.options.sinks.includes(name) && undelivered > 0) {
        throw new QueueStartError(
          `OUTPUTS no longer names ${name}, which has ${undelivered} undelivered event(s) in ${this.options.directory}. ` +
            `Name it again to deliver them, or give them up with: gotrack queue forget ${name}`,
        );
      }
    }
    if (!this.cursorFile.exists && this.segments.length > 0) {
      this.logger.warn(
        `${this.options.directory} has no cursors: every sink gets everything that is still in the queue`,
      );
    }
    const start = this.cursorFile.exists ? this.tail : (this.segments[0]?.base ?? this.tail);
    const joined = { start, position: start, deadLettered: 0, purged: 0, corrupt: 0 };
    return Object.fromEntries(this.options.sinks.map((name) => [name, known[name] ?? joined]));
  }

  private commit(): void {
    // A full segment is sealed also when nothing waits: once delivered, it gives its space back.
    if (this.writer ? this.writer.segment.bytes >= this.segmentBytes : this.waiting.length > 0) {
      this.roll().then(
        () => this.commit(),
        (error: Error) => this.fail(error, []),
      );
      return;
    }
    const { writer } = this;
    if (!writer || this.waiting.length === 0) {
      this.committing = false;
      this.closing?.();
      return;
    }
    const waiters = this.takeWaiters();
    const events =
      waiters.length === 1
        ? (waiters[0] as Waiter).events
        : waiters.flatMap((waiter) => waiter.events);
    const committedAtMs = monotonicNowMs();
    const block = encodeBlock(this.tailPosition, committedAtMs, events);
    const eventBytes = block.length - blockBytesOf(events.length, 0);
    const startedAt = performance.now();
    writer.append(block, (error) => {
      if (error) {
        this.fail(error, waiters);
        return;
      }
      this.observer.commitSucceeded((performance.now() - startedAt) / 1000);
      writer.segment.bytes += block.length;
      this.bytes += block.length;
      this.tailPosition += events.length;
      for (const waiter of waiters) {
        this.pendingBytes -= waiter.bytes;
      }
      // The disk goes on before the waiters do: their answers take time on this thread.
      this.commit();
      for (const reader of this.readers.values()) {
        reader.appended(committedAtMs, eventBytes);
      }
      for (const waiter of waiters) {
        waiter.resolve();
      }
    });
  }

  /** Bytes that may still be appended. */
  private get room(): number {
    return this.options.maxBytes - this.bytes - this.pendingBytes;
  }

  private tellWhetherFull(): void {
    const full = this.room < MIN_ROOM_BYTES;
    if (full === this.full) {
      return;
    }
    this.full = full;
    if (full) {
      this.logger.warn(
        'the queue has reached QUEUE_MAX_MB: requests get 503 until sinks have drained',
      );
    } else {
      this.logger.log('the queue has room again');
    }
  }

  private takeWaiters(): Waiter[] {
    let bytes = 0;
    const beyond = this.waiting.findIndex((waiter, index) => {
      bytes += waiter.bytes;
      return index > 0 && bytes > MAX_BLOCK_BYTES;
    });
    const taken = beyond === -1 ? this.waiting : this.waiting.slice(0, beyond);
    this.waiting = beyond === -1 ? [] : this.waiting.slice(beyond);
    return taken;
  }

  private async roll(): Promise<void> {
    const full = this.writer;
    this.writer = undefined;
    if (full) {
      full.segment.end = this.tailPosition;
      await full.close();
      await this.reclaim();
    }
    this.writer = await SegmentWriter.create(this.options.directory, this.tailPosition);
    this.segments.push(this.writer.segment);
  }

  private fail(error: Error, waiters: readonly Waiter[]): void {
    this.observer.commitFailed();
    if (!this.diskError) {
      this.logger.error(
        `the queue in ${this.options.directory} (QUEUE_PATH) cannot be written, requests get 503: ${error.message}`,
      );
    }
    this.diskError = error;
    const rejected = [...waiters, ...this.waiting];
    this.waiting = [];
    this.pendingBytes = 0;
    const { writer } = this;
    this.writer = undefined;
    if (writer) {
      this.seal(writer);
    }
    // What could not be written may have been all that took the room.
    this.tellWhetherFull();
    for (const waiter of rejected) {
      waiter.reject(unavailable(error));
    }

    const abandoned = writer ? writer.abandon(this.tailPosition) : Promise.resolve();
    // What is delivered may be all that fills the disk.
    abandoned
      .then(() => this.reclaim())
      .then(
        () => {
          this.committing = false;
          this.closing?.();
          this.probeLater();
        },
        () => undefined,
      );
  }

  private seal({ segment }: SegmentWriter): void {
    segment.end = this.tailPosition;
    if (segment.base < this.tailPosition) {
      return;
    }
    this.segments.splice(this.segments.indexOf(segment), 1);
    this.bytes -= segment.bytes;
  }

  private probeLater(): void {
    if (this.closing) {
      return;
    }
    this.probe = setTimeout(() => {
      this.tryAgain().catch((error: Error) => this.fail(error, []));
    }, PROBE_INTERVAL_MS);
  }

  private async tryAgain(): Promise<void> {
    this.committing = true;
    await this.roll();
    const writer = this.writer as SegmentWriter;
    const block = encodeBlock(this.tailPosition, monotonicNowMs(), []);
    await new Promise<void>((resolve, reject) => {
      writer.append(block, (error) => (error ? reject(error) : resolve()));
    });
    writer.segment.bytes += block.length;
    this.bytes += block.length;
    this.diskError = undefined;
    this.logger.log(`the queue in ${this.options.directory} can be written again`);
    this.commit();
  }

  /** Removes the segments that every sink is done with, by both copies of the cursors: either may be damaged. */
  private async reclaim(): Promise<void> {
    for (;;) {
      const first = this.segments[0];
      const [settled = 0, inOlderCopy = 0] = this.cursorFile.copies.map(settledIn);
      if (first?.end === undefined || first.end > settled) {
        return;
      }
      if (first.end > inOlderCopy) {
        const saved = await this.cursorFile
          .save((cursors) => cursors)
          .then(
            () => true,
            () => false,
          );
        if (!saved) {
          return;
        }
        continue;
      }
      this.segments.shift();
      this.bytes -= first.bytes;
      this.tellWhetherFull();
      try {
        // A reader may still have it open, which would keep its space.
        await truncate(first.path).catch(() => undefined);
        await unlink(first.path);
      } catch (error) {
        this.logger.warn(
          `cannot remove ${first.path}, which is delivered: ${(error as Error).message}`,
        );
      }
    }
  }
}

/**
 * Unix ms that never go back while the process lives; comparable, as well as the wall clock allows, with
 * those of an earlier process.
 */
export function monotonicNowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Every sink is done with what is before it. */
function settledIn(cursors: Cursors): number {
  return Math.min(...Object.values(cursors).map(({ position }) => position));
}

function unavailable(cause: Error): QueueUnavailableError {
  return new QueueUnavailableError('disk', `the queue cannot be written: ${cause.message}`, {
    cause,
  });
}

function unusable(directory: string, cause: Error): QueueStartError {
  return new QueueStartError(
    `QUEUE_PATH ${directory} cannot be used: ${cause.message}. ` +
      `The process runs as uid ${process.getuid?.()}, which must be able to write there`,
    { cause },
  );
}

async function prepareDirectory(directory: string): Promise<void> {
  try {
    await makeDirectory(directory, 0o700);
  } catch (error) {
    throw new QueueStartError(
      `QUEUE_PATH ${directory} cannot be created: ${(error as Error).message}. ` +
        `The process runs as uid ${process.getuid?.()}, which must be able to write there`,
      { cause: error },
    );
  }
}

export async function holdsSegments(directory: string): Promise<boolean> {
  return (await readdir(directory)).some((name) => name.endsWith('.segment'));
}

/** A new queue gets ours. @throws QueueStartError for another one */
export async function checkFormat(directory: string): Promise<void> {
  const path = join(directory, 'format');
  const found = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  });
  if (found?.trim() === FORMAT) {
    return;
  }
  if (found !== undefined || (await holdsSegments(directory))) {
    throw new QueueStartError(
      `${directory} holds a queue in a format that this version does not know` +
        ` (${JSON.stringify(found?.trim() ?? 'none')}; it knows "${FORMAT}"). ` +
        'Let the version that wrote it drain it, or give this one another QUEUE_PATH. ' +
        `If the file ${path} is damaged: put the line ${FORMAT} into it`,
    );
  }
  await writeFile(`${path}.new`, `${FORMAT}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
  await syncDirectory(directory);
}
