import { join } from 'node:path';
import { FileLock, LockHeldError } from '../../disk/file-lock.js';
import { QueueStartError } from './queue-start-error.js';

/** Holds a queue directory for this process alone, until `release` or the end of the process, however it ends. */
export class OwnerLock {
  private constructor(private readonly lock: FileLock) {}

  /** @throws QueueStartError when another process holds the directory */
  static take(directory: string): OwnerLock {
    try {
      return new OwnerLock(FileLock.take(join(directory, 'owner.lock')));
    } catch (error) {
      if (!(error instanceof LockHeldError)) {
        throw new QueueStartError(
          `QUEUE_PATH ${directory} cannot be used: its owner.lock: ${(error as Error).message}. ` +
            `The process runs as uid ${process.getuid?.()}, which must be able to write there`,
          { cause: error },
        );
      }
      throw new QueueStartError(
        `the queue in ${directory} belongs to another running GoTrack. Stop that process, or give this one a QUEUE_PATH of its own`,
        { cause: error },
      );
    }
  }

  release(): void {
    this.lock.release();
  }
}
