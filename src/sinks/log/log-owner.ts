import { type FileHandle, open, stat } from 'node:fs/promises';
import { LockHeldError, FileLock } from '../../disk/file-lock.js';
import { RetryableSinkError } from '../sink.js';
import { statIfThere } from './log-file.js';

interface Held {
  readonly lock: FileLock;
  readonly path: string;
  /** Which file it is: one that was removed locks nobody out. */
  readonly dev: bigint;
  readonly ino: bigint;
}

/** Keeps every other process off the log sink's file, by a lock file beside it. */
export class LogOwner {
  private held: Held | undefined;

  /**
   * Does nothing while the lock is held. A disk that hangs does so before the lock's calls, which hold the event loop.
   * @param file the path of the log sink's file, not of a link to it
   * @throws RetryableSinkError another process has the file
   */
  async hold(file: string): Promise<void> {
    const path = `${file}.lock`;
    if (await this.isHeld(path)) {
      return;
    }
    this.release();
    const handle = await createIfMissing(path);
    await handle?.close();
    await FileLock.probe(path);
    const lock = take(file, path);
    const { dev, ino } = await stat(path, { bigint: true });
    this.held = { lock, path, dev, ino };
  }

  release(): void {
    this.held?.lock.release();
    this.held = undefined;
  }

  private async isHeld(path: string): Promise<boolean> {
    if (this.held?.path !== path) {
      return false;
    }
    const stats = await statIfThere(path);
    return stats?.dev === this.held.dev && stats.ino === this.held.ino;
  }
}

/** What exists is not opened: the kernel gives a process's locks on a file up when the process closes any handle of it. */
async function createIfMissing(path: string): Promise<FileHandle | undefined> {
  return open(path, 'wx', 0o640).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') {
      throw error;
    }
    return undefined;
  });
}

function take(file: string, path: string): FileLock {
  try {
    return FileLock.take(path);
  } catch (error) {
    if (error instanceof LockHeldError) {
      throw new RetryableSinkError(
        'other',
        `LOG_PATH=${file} belongs to another running GoTrack: stop that process, or give this one a LOG_PATH of its own`,
      );
    }
    throw new RetryableSinkError(
      'disk',
      `LOG_PATH=${file} cannot be locked: ${(error as Error).message}: uid ${process.getuid?.()} needs to read and write ` +
        `${path}, on a file system that knows locks`,
    );
  }
}
