import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { FileLock, LockHeldError } from '../../disk/file-lock.js';
import { makeDirectory } from '../../disk/make-directory.js';
import { ifMissing } from '../../disk/missing.js';

interface Held {
  readonly lock: FileLock;
  readonly dev: number;
  readonly ino: number;
}

/** `DEAD_LETTER_PATH`: made when it is missing, and this process's alone while it runs. Logs each change once. */
export class DeadLetterDirectory {
  private readonly logger = new Logger('Dead letters');
  private readonly lockPath: string;
  private held: Held | undefined;
  private error: string | undefined;
  private holding: Promise<void> | undefined;

  constructor(readonly path: string) {
    this.lockPath = join(path, 'owner.lock');
  }

  /** Why nothing can be written there, as far as is known; undefined when it can. */
  get failure(): string | undefined {
    return this.error;
  }

  /** @throws Error nothing can be written there, or another process does */
  hold(): Promise<void> {
    // Two at the same time would keep each other out.
    this.holding ??= this.holdNow().finally(() => {
      this.holding = undefined;
    });
    return this.holding;
  }

  async release(): Promise<void> {
    await this.holding?.catch(() => undefined);
    this.unlock();
  }

  private async holdNow(): Promise<void> {
    try {
      if (!(await this.isHeld())) {
        this.unlock();
        await this.take();
      }
      await access(this.path, constants.W_OK);
    } catch (error) {
      this.failed(error as Error);
      throw new Error(this.error, { cause: error });
    }
    if (this.error !== undefined) {
      this.error = undefined;
      this.logger.log(`${this.path} (DEAD_LETTER_PATH) can be written again`);
    }
  }

  private unlock(): void {
    this.held?.lock.release();
    this.held = undefined;
  }

  private async take(): Promise<void> {
    // A disk that hangs does so here, and not in the lock's calls, which hold the event loop.
    await makeDirectory(this.path, 0o700);
    const lock = FileLock.take(this.lockPath);
    try {
      const { dev, ino } = await stat(this.lockPath);
      this.held = { lock, dev, ino };
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** A lock file that was removed locks nobody out. */
  private async isHeld(): Promise<boolean> {
    const found = this.held && (await stat(this.lockPath).catch(ifMissing(undefined)));
    return found !== undefined && found.dev === this.held?.dev && found.ino === this.held.ino;
  }

  private failed(error: Error): void {
    const isNew = this.error === undefined;
    this.error =
      error instanceof LockHeldError
        ? `the dead letters in ${this.path} belong to another running GoTrack. Stop that process, or give this one a DEAD_LETTER_PATH of its own`
        : `DEAD_LETTER_PATH ${this.path} cannot be written: ${error.message}. ` +
          `The process runs as uid ${process.getuid?.()}, which must be able to write there`;
    if (isNew) {
      this.logger.error(this.error);
    }
  }
}
