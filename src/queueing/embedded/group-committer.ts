import { Logger } from '@nestjs/common';
import type { EncodedEvent } from '../../event/stored-event.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import { QueueFullError, type QueueState, QueueUnavailableError } from '../event-queue.js';
import { blockBytesOf, encodeBlock } from './block.js';
import { monotonicNowMs } from './monotonic-clock.js';
import { QueueFilesGoneError } from './queue-files.js';
import type { SegmentLog } from './segment-log.js';

/**
 * What waits beyond this goes into the next block, so that making one takes the event loop about 2 ms; one append is
 * never split.
 */
const MAX_BLOCK_BYTES = 1024 * 1024;
const MAX_BLOCK_EVENTS = 2000;
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

interface Waiter {
  readonly events: readonly EncodedEvent[];
  readonly bytes: number;
  readonly onDurable: ((position: number) => void) | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * While a sync is under way, whatever else is appended waits and shares the next block. After a failed
 * write or sync, nothing is taken until a probe on a new segment has been synced.
 */
export class GroupCommitter {
  private readonly logger = new Logger('Queue');
  private waiting: Waiter[] = [];
  /** What waits or is being written. */
  private pendingBytes = 0;
  private committing = false;
  private diskError: Error | undefined;
  private full = false;
  private closing: (() => void) | undefined;
  private probe: NodeJS.Timeout | undefined;

  constructor(
    private readonly log: SegmentLog,
    private readonly maxBytes: number,
    private readonly observer: PipelineObserver,
    /** Runs after each commit, before its appends resolve. */
    private readonly onCommit: (committedAtMs: number, eventBytes: number) => void,
  ) {
    log.onSpaceFreed = () => this.updateFullState();
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

  /** Seals the last segment of an earlier process if it is full. */
  start(): void {
    this.updateFullState();
    this.committing = true;
    this.commit();
  }

  append(
    events: readonly EncodedEvent[],
    onDurable: ((position: number) => void) | undefined,
  ): Promise<void> {
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
      this.updateFullState();
      return Promise.reject(new QueueFullError());
    }
    this.pendingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.waiting.push({ events, bytes, onDurable, resolve, reject });
      if (this.committing) {
        return;
      }
      this.committing = true;
      // Not at once: requests that arrived together share the block.
      setImmediate(() => this.commit());
    });
  }

  /** Takes nothing more, and finishes what is being written. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.closing = resolve;
      if (!this.committing) {
        resolve();
      }
    });
    clearTimeout(this.probe);
  }

  /** The files are not the queue's any more. A commit under way, and a probe, find that out themselves. */
  giveUp(error: QueueFilesGoneError): void {
    if (!this.committing && !this.diskError) {
      this.committing = true;
      this.fail(error, []);
    }
  }

  private commit(): void {
    // A full segment is sealed also when nothing waits: once delivered, it gives its space back.
    if (this.log.isWritable ? this.log.isSegmentFull : this.waiting.length > 0) {
      this.log.roll().then(
        () => this.commit(),
        (error: Error) => this.fail(error, []),
      );
      return;
    }
    if (this.waiting.length === 0) {
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
    const first = this.log.tail;
    const block = encodeBlock(first, committedAtMs, events);
    const eventBytes = block.length - blockBytesOf(events.length, 0);
    const startedAt = performance.now();
    this.log.append(block, events.length, (error) => {
      if (error) {
        this.fail(error, waiters);
        return;
      }
      this.observer.commitSucceeded((performance.now() - startedAt) / 1000);
      for (const waiter of waiters) {
        this.pendingBytes -= waiter.bytes;
      }
      // The disk continues before the waiters do: their answers take time on this thread.
      this.commit();
      tellPositions(waiters, first);
      this.onCommit(committedAtMs, eventBytes);
      for (const waiter of waiters) {
        waiter.resolve();
      }
    });
  }

  /** Bytes that may still be appended. */
  private get room(): number {
    return this.maxBytes - this.log.bytes - this.pendingBytes;
  }

  private updateFullState(): void {
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
    let events = 0;
    const beyond = this.waiting.findIndex((waiter, index) => {
      bytes += waiter.bytes;
      events += waiter.events.length;
      return index > 0 && (bytes > MAX_BLOCK_BYTES || events > MAX_BLOCK_EVENTS);
    });
    const taken = beyond === -1 ? this.waiting : this.waiting.slice(0, beyond);
    this.waiting = beyond === -1 ? [] : this.waiting.slice(beyond);
    return taken;
  }

  private fail(error: Error, waiters: readonly Waiter[]): void {
    this.observer.commitFailed();
    if (!this.diskError) {
      this.logger.error(
        `the queue in ${this.log.directory} (QUEUE_PATH) cannot be written, requests get 503: ${error.message}`,
      );
    }
    this.diskError = error;
    const rejected = [...waiters, ...this.waiting];
    this.waiting = [];
    this.pendingBytes = 0;
    const abandoned = this.log.abandonSegment();
    // What could not be written may have been all that took the room.
    this.updateFullState();
    for (const waiter of rejected) {
      waiter.reject(unavailable(error));
    }
    abandoned.then(
      () => {
        this.committing = false;
        this.closing?.();
        if (!(error instanceof QueueFilesGoneError)) {
          this.probeLater();
        }
      },
      () => undefined,
    );
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
    await this.log.roll();
    await new Promise<void>((resolve, reject) => {
      const block = encodeBlock(this.log.tail, monotonicNowMs(), []);
      this.log.append(block, 0, (error) => (error ? reject(error) : resolve()));
    });
    this.diskError = undefined;
    this.logger.log(`the queue in ${this.log.directory} can be written again`);
    this.commit();
  }
}

function tellPositions(waiters: readonly Waiter[], first: number): void {
  let position = first;
  for (const { events, onDurable } of waiters) {
    onDurable?.(position);
    position += events.length;
  }
}

function unavailable(cause: Error): QueueUnavailableError {
  return new QueueUnavailableError('disk', `the queue cannot be written: ${cause.message}`, {
    cause,
  });
}
