import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { QueueStartError } from './queue-start-error.js';

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
      throw new QueueStartError(
        `the queue in ${directory} belongs to another running GoTrack (or its owner.lock cannot be used: ` +
          `${(error as Error).message}). Stop that process, or give this one a QUEUE_PATH of its own`,
        { cause: error },
      );
    }
  }

  release(): void {
    this.database.close();
  }
}
