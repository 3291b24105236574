import type { StoredEvent } from '../../event/stored-event.js';
import {
  type Account,
  type AccountChange,
  type Batch,
  type BatchBounds,
  BatchSource,
  type Progress,
} from '../event-queue.js';
import { accountOf, changeAccount, type Cursor, progressOf } from './cursor.js';
import type { Damage } from './damage.js';
import { LogPeeker } from './log-peeker.js';
import { type Log, LogScanner, type Stretch } from './log-scanner.js';
import { monotonicNowMs } from './monotonic-clock.js';

/** One sink's cursor in the log, and the batches after it. */
export class LogReader extends BatchSource {
  private readonly scanner: LogScanner;
  private readonly peeker: LogPeeker;
  /** Position after what was handed out. */
  private position: number;
  /** Read from disk, for the next batch. */
  private readAhead: readonly StoredEvent[] = [];
  /** Read and not committed. */
  private stretches: Pick<Stretch, 'end' | 'committedAtMs'>[] = [];
  /** Not after the commit of the first event that is not read yet; undefined when all are read. */
  private unreadSinceMs: number | undefined;
  /** Counts events appended by this process, and not the backlog of an earlier one. */
  private unreadBytes = 0;
  private wake: (() => void) | undefined;

  constructor(
    private readonly log: Log,
    damage: Damage,
    readonly name: string,
    private cursor: Cursor,
  ) {
    super();
    this.position = cursor.position;
    this.scanner = new LogScanner(log, damage, cursor.position);
    this.peeker = new LogPeeker(log);
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

  /** The queue calls it after each commit. */
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
    while (!full && (this.readAhead.length > 0 || (await this.readMoreFor(events)))) {
      let fitting = 0;
      for (const { json } of this.readAhead) {
        full =
          events.length + fitting === bounds.maxEvents ||
          (events.length + fitting > 0 && bytes + json.length > bounds.maxBytes);
        if (full) {
          break;
        }
        bytes += json.length;
        fitting += 1;
      }
      events.push(...this.readAhead.slice(0, fitting));
      this.readAhead = this.readAhead.slice(fitting);
      full ||= events.length === bounds.maxEvents;
    }
    this.unreadBytes = Math.max(0, this.unreadBytes - bytes);
    this.position = this.readAhead[0]?.position ?? this.scanner.end;
    if (this.position === this.log.tail) {
      this.unreadBytes = 0;
    }
    return { events, end: this.position };
  }

  peek(position: number, bounds: BatchBounds): Promise<Batch> {
    return this.peeker.peek(Math.max(position, this.cursor.position), bounds);
  }

  async commit(position: number, change: AccountChange): Promise<void> {
    const { cursor } = this;
    const corrupt = cursor.corrupt + this.scanner.skippedBefore(position);
    await this.save(changeAccount({ ...cursor, position, corrupt }, change));
    this.scanner.committed(position);
    this.stretches = this.stretches.filter((stretch) => stretch.end > position);
  }

  updateAccount(change: AccountChange): Promise<void> {
    return this.save(changeAccount(this.cursor, change));
  }

  async close(): Promise<void> {
    await this.peeker.close();
    await this.scanner.close();
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

  /** Reads until there is something in `readAhead`. False at the tail. */
  private async readMore(): Promise<boolean> {
    while (this.readAhead.length === 0) {
      const stretch = await this.scanner.next();
      if (!stretch) {
        break;
      }
      const { events, end, committedAtMs } = stretch;
      this.readAhead = events;
      this.stretches.push({ end, committedAtMs });
      this.unreadSinceMs = committedAtMs;
    }
    if (this.scanner.end === this.log.tail) {
      this.unreadSinceMs = undefined;
    }
    return this.readAhead.length > 0;
  }
}
