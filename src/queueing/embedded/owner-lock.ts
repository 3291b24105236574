import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { QueueStartError } from './queue-start-error.js';

/** SQLite's result code for a database that another process has locked. */
const SQLITE_BUSY = 5;

/**
 * Holds a queue directory for this process alone, until `release` or the end of the process, however
 * it ends: SQLite's exclusive lock is the kernel's, so that nothing is left behind by `kill -9`.
 */
export class OwnerLock {
  private constructor(private readonly database: DatabaseSync) {}

  /** @throws QueueStartError when another process holds the directory */
  static take(directory: string): OwnerLock {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(join(directory, 'owner.lock'));
      database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
      return new OwnerLock(database);
    } catch (error) {
      database?.close();
      const { errcode, message } = error as Error & { errcode?: number };
      if (errcode !== SQLITE_BUSY) {
        throw new QueueStartError(
          `QUEUE_PATH ${directory} cannot be used: its owner.lock: ${message}. ` +
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
    this.database.close();
  }
}
