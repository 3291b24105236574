import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { QueueStartError } from './queue-start-error.js';

/** SQLite's result code for a database that another process has locked. */
const SQLITE_BUSY = 5;
/** The one for a file that is no database. Ours is empty. */
const SQLITE_NOTADB = 26;

/**
 * Holds a queue directory for this process alone, until `release` or the end of the process, however
 * it ends: SQLite's exclusive lock is the kernel's, so that `kill -9` leaves nothing locked.
 */
export class OwnerLock {
  private constructor(private readonly database: DatabaseSync) {}

  /** @throws QueueStartError when another process holds the directory */
  static take(directory: string): OwnerLock {
    const path = join(directory, 'owner.lock');
    try {
      return new OwnerLock(lock(path));
    } catch (error) {
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

function lock(path: string): DatabaseSync {
  try {
    return lockDatabase(path);
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== SQLITE_NOTADB) {
      throw error;
    }
    // Damaged, and held by nobody: SQLite reads it only once it may. The lock does not depend on its bytes.
    truncateSync(path);
    return lockDatabase(path);
  }
}

function lockDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    // No journal in a file: a disk that is full has no room for one, and nothing is ever written here.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
