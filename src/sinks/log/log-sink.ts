import { constants } from 'node:fs';
import { access, readdir, rename, statfs, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Logger } from '@nestjs/common';
import { ifMissing } from '../../disk/missing.js';
import type { StoredEvent } from '../../event/stored-event.js';
import { followLinks } from '../../disk/follow-links.js';
import { BoundedCalls, HangingCallError } from '../../threads/bounded-calls.js';
import { Sink, type Written } from '../sink.js';
import { withSinkErrors } from '../support/with-sink-errors.js';
import { asSinkError, asSinkErrorIn, diskError } from './disk-error.js';
import { encodeLines } from './lines.js';
import {
  assertRegularFile,
  type Change,
  LogFile,
  statIfThere,
  type UnconfirmedBytes,
} from './log-file.js';
import { LogOwner } from './log-owner.js';
import type { LogOptions } from './log.options.js';
import { backupName, expiredBackups } from './rotation.js';

const MIB = 1_048_576;

/** How long the disk may take for a batch. */
const LIMIT_MS = 10_000;
/** Shorter than readiness waits for a check. */
const CHECK_LIMIT_MS = 2500;

/** Worth a line in our own log; a file that has grown is only opened again, to look for a torn last line. */
const REOPENED: Readonly<Record<Change, string | undefined>> = {
  moved: 'it was moved away or replaced',
  shrunk: 'it was truncated',
  grown: undefined,
};

/**
 * Appends events to a file, one JSON object a line, and confirms them once they are synced. Lives with logrotate:
 * the file may be moved, truncated or replaced at any time, SIGHUP reopens it. The file has one writer, which holds a lock
 * beside it: another that finds it held is down until the first one ends.
 */
export class LogSink extends Sink {
  private readonly logger = new Logger(LogSink.name);
  private readonly path: string;
  private readonly rotateBytes: number;
  private readonly owner = new LogOwner();
  private readonly writing: BoundedCalls;
  /** A check gets its answer while a write is under way. */
  private readonly checking: BoundedCalls;
  /** What `path` leads to, if it is a link: the file that is set aside, in its own directory. */
  private target: string;
  private file: LogFile | undefined;
  private unconfirmed: UnconfirmedBytes | undefined;
  private hungUp = false;
  private rotationFails = false;

  constructor(private readonly options: LogOptions) {
    super();
    this.path = resolve(options.path);
    this.target = this.path;
    this.rotateBytes = options.rotateMb * MIB;
    this.writing = new BoundedCalls(`the disk of ${this.setting}`, LIMIT_MS);
    this.checking = new BoundedCalls(`the disk of ${this.setting}`, CHECK_LIMIT_MS);
  }

  override async open(): Promise<void> {
    // Before the file, which may fail: without a listener SIGHUP ends the process.
    process.off('SIGHUP', this.onHangup).on('SIGHUP', this.onHangup);
    await this.inTime(this.writing, 'open', async () => {
      await this.openFile();
      await this.prune();
    });
  }

  override async write(batch: readonly StoredEvent[]): Promise<Written> {
    const lines = encodeLines(batch);
    await this.inTime(this.writing, batch, async () => {
      const file = await this.currentFile();
      const full = this.rotateBytes > 0 && file.length + lines.length > this.rotateBytes;
      await this.append(full && file.length > 0 ? await this.rotate(file) : file, lines);
    });
    return { duplicates: 0 };
  }

  /** Asks what the next write will ask of the path: a file that was moved away is no fault. */
  override async check(): Promise<void> {
    await this.inTime(this.checking, 'check', async () => {
      const stats = await statIfThere(this.path);
      if (stats) {
        assertRegularFile(this.path, stats);
        await access(this.path, constants.R_OK | constants.W_OK)
          // Set aside since the look above, by the rotation or by logrotate.
          .catch(ifMissing(undefined));
      } else {
        await access(this.directory, constants.W_OK | constants.X_OK);
      }
      const { blocks, bavail } = await statfs(this.directory);
      // A file system that states no size (a tmpfs without a bound) has 0 blocks.
      if (blocks > 0 && bavail === 0) {
        throw diskError(this.setting, 'ENOSPC');
      }
    });
  }

  override async close(): Promise<void> {
    process.off('SIGHUP', this.onHangup);
    try {
      await this.writing.run(async () => {
        await this.closeFile();
        this.owner.release();
      });
    } catch (error) {
      // The end of the process closes what hangs.
      if (!(error instanceof HangingCallError)) {
        throw error;
      }
    }
  }

  private readonly onHangup = (): void => {
    this.hungUp = true;
  };

  private get setting(): string {
    return `LOG_PATH=${this.path}`;
  }

  private get directory(): string {
    return dirname(this.target);
  }

  /** @param key the same one means the same operation, which may have ended late */
  private inTime(calls: BoundedCalls, key: unknown, operation: () => Promise<void>): Promise<void> {
    return withSinkErrors(
      (error) => asSinkError(this.setting, error),
      async () => {
        this.writing.assertNoneHangs();
        await calls.run(() => this.withAdvice(operation), key);
      },
    );
  }

  private async withAdvice(operation: () => Promise<void>): Promise<void> {
    try {
      await operation();
    } catch (error) {
      throw await asSinkErrorIn(this.directory, this.setting, error);
    }
  }

  private async currentFile(): Promise<LogFile> {
    if (!this.file) {
      return this.openFile();
    }
    const change = await this.file.changeAt(this.path);
    if (change === undefined && !this.hungUp) {
      await this.owner.hold(this.target);
      return this.file;
    }
    await this.closeFile();
    const file = await this.openFile();
    const why = change === undefined ? 'SIGHUP' : REOPENED[change];
    if (why !== undefined) {
      this.logger.log(`reopened ${this.path}: ${why}`);
    }
    return file;
  }

  private async openFile(): Promise<LogFile> {
    this.hungUp = false;
    const target = await followLinks(this.path);
    this.target = target;
    this.file = await LogFile.open(target, () => this.owner.hold(target), this.unconfirmed);
    this.unconfirmed = undefined;
    if (this.file.cutBytes > 0) {
      this.logger.warn(`cut ${this.file.cutBytes} bytes of a torn last line off ${this.path}`);
    }
    return this.file;
  }

  private async closeFile(): Promise<void> {
    await this.file?.close();
    this.file = undefined;
  }

  private async append(file: LogFile, lines: Buffer): Promise<void> {
    try {
      await file.append(lines);
    } catch (error) {
      // A descriptor that has failed to sync once may claim success the next time.
      this.unconfirmed = file.unconfirmed;
      await this.closeFile();
      throw error;
    }
  }

  /** @returns the file to continue with: the old one when it can't be set aside, for events matter more than sizes */
  private async rotate(file: LogFile): Promise<LogFile> {
    try {
      const backup = backupName(this.target, Date.now(), await readdir(this.directory));
      await rename(this.target, join(this.directory, backup));
      this.rotationFails = false;
      this.logger.log(`rotated ${this.target} to ${backup}`);
    } catch (error) {
      if (!this.rotationFails) {
        const { message } = await asSinkErrorIn(this.directory, this.setting, error);
        this.logger.error(`cannot rotate, continues in the same file: ${message}`);
      }
      this.rotationFails = true;
      return file;
    }
    await this.closeFile();
    // Its directory is synced here, for the old file's new name too.
    const next = await this.openFile();
    await this.prune();
    return next;
  }

  /** Never fails: an old file too many is no reason to hold events back. */
  private async prune(): Promise<void> {
    const names = await readdir(this.directory).catch(() => []);
    for (const name of expiredBackups(this.target, names, Date.now(), this.options)) {
      await unlink(join(this.directory, name)).catch((error: unknown) => {
        this.logger.warn(`cannot delete the old file ${name}: ${String(error)}`);
      });
    }
  }
}
