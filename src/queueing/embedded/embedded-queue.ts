import { join } from 'node:path';
import type { EncodedEvent } from '../../event/stored-event.js';
import type { PipelineObserver, QueueStats } from '../../metrics/pipeline-observer.js';
import { LocalQueue, type QueueState, type Readers } from '../event-queue.js';
import { CursorFile } from './cursor-file.js';
import { Damage } from './damage.js';
import { GroupCommitter } from './group-committer.js';
import { LogReader } from './log-reader.js';
import { QueueDirectory, unusable } from './queue-directory.js';
import { QueueFilesGoneError } from './queue-files.js';
import { SegmentLog } from './segment-log.js';
import { type HowToDeliver, startingCursors } from './starting-cursors.js';

/** How often a queue to which nothing is written sees whether its files are still there. */
const CHECK_INTERVAL_MS = 1000;

export interface EmbeddedQueueOptions {
  readonly directory: string;
  readonly maxBytes: number;
  readonly sinks: readonly string[];
  /** What to do about a sink that is not among them and has undelivered events. */
  readonly howToDeliver?: HowToDeliver;
}

/** The queue on local disk: one append-only log of segments, and one cursor for each sink. */
export class EmbeddedQueue extends LocalQueue implements Readers {
  private readonly committer: GroupCommitter;
  private checking: NodeJS.Timeout | undefined;

  private constructor(
    private readonly directory: QueueDirectory,
    private readonly log: SegmentLog,
    private readonly readers: ReadonlyMap<string, LogReader>,
    private readonly maxBytes: number,
    private readonly observer: PipelineObserver,
  ) {
    super();
    this.committer = new GroupCommitter(log, maxBytes, observer, (committedAtMs, eventBytes) => {
      for (const reader of readers.values()) {
        reader.appended(committedAtMs, eventBytes);
      }
    });
  }

  /** @throws QueueStartError when the directory cannot be used as it is */
  static async open(
    { directory: path, maxBytes, sinks, howToDeliver }: EmbeddedQueueOptions,
    observer: PipelineObserver,
  ): Promise<EmbeddedQueue> {
    const directory = await QueueDirectory.open(path);
    try {
      const cursorFile = await CursorFile.load(path, directory.files);
      const log = await SegmentLog.load(directory, maxBytes, cursorFile);
      const cursors = startingCursors(cursorFile, log, sinks, howToDeliver);
      const damage = new Damage(join(path, 'damaged'), observer);
      const readers = new Map(
        Object.entries(cursors).map(([name, cursor]) => [
          name,
          new LogReader(log, damage, name, cursor),
        ]),
      );
      await log.start(cursors);
      const queue = new EmbeddedQueue(directory, log, readers, maxBytes, observer);
      await queue.start();
      return queue;
    } catch (error) {
      directory.release();
      throw unusable(path, error);
    }
  }

  /** Position after the last durable event. */
  get tail(): number {
    return this.log.tail;
  }

  get state(): QueueState {
    return this.committer.state;
  }

  get overloaded(): boolean {
    return this.committer.overloaded;
  }

  get failure(): string | undefined {
    return this.committer.failure;
  }

  append(events: readonly EncodedEvent[], onDurable?: (position: number) => void): Promise<void> {
    return this.committer.append(events, onDurable);
  }

  reader(name: string): LogReader {
    const reader = this.readers.get(name);
    if (!reader) {
      throw new Error(`the queue was opened without a sink named ${name}`);
    }
    return reader;
  }

  async stats(): Promise<QueueStats> {
    return {
      bytes: this.log.bytes,
      capacityBytes: this.maxBytes,
      filesystemAvailableBytes: await this.directory.availableBytes(),
    };
  }

  /** Takes nothing more, finishes what is being written, and releases the directory. */
  async close(): Promise<void> {
    clearInterval(this.checking);
    await this.committer.close();
    for (const reader of this.readers.values()) {
      await reader.close();
    }
    await this.log.close();
    this.directory.release();
  }

  private async start(): Promise<void> {
    for (const reader of this.readers.values()) {
      // Only to know how old the backlog is: what cannot be read is the lane's to report.
      await reader.prime().catch(() => undefined);
    }
    await this.log.reclaim();
    await this.directory.loadId();
    this.committer.start();
    this.checking = setInterval(() => this.checkFiles(), CHECK_INTERVAL_MS).unref();
    this.observer.queueOpened(() => this.stats());
  }

  private checkFiles(): void {
    this.log.assertInPlace().catch((error: unknown) => {
      // Another failure of the disk shows when something is written.
      if (error instanceof QueueFilesGoneError) {
        this.committer.giveUp(error);
      }
    });
  }
}
