import { once } from 'node:events';
import { truncateSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';

/** SQLite's result code for a database that another process has locked. */
const SQLITE_BUSY = 5;
/** The one for a file that is no database. Ours is empty. */
const SQLITE_NOTADB = 26;

const LOCK = 'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE';

/** Whether the lock could be taken does not matter: that the calls return does. */
const PROBE = `
  const { DatabaseSync } = require('node:sqlite');
  const { workerData } = require('node:worker_threads');
  try {
    const database = new DatabaseSync(workerData.path);
    try {
      database.exec(workerData.lock);
    } finally {
      database.close();
    }
  } catch {}
`;

/** Another process, or another part of this one, holds the lock. */
export class LockHeldError extends Error {
  override readonly name = 'LockHeldError';
}

/**
 * Holds something for this process alone, until `release` or the end of the process, however it ends: SQLite's exclusive
 * lock is the kernel's, so that nothing is left behind by `kill -9`.
 */
export class FileLock {
  private constructor(private readonly database: DatabaseSync) {}

  /**
   * Does not wait for the lock, but for the disk: the event loop stands still meanwhile.
   * @param path of a file that is there for the lock alone; it is created when missing
   * @throws LockHeldError
   */
  static take(path: string): FileLock {
    try {
      return new FileLock(lock(path));
    } catch (error) {
      throw resultOf(error) === SQLITE_BUSY
        ? new LockHeldError(`${path} is locked`, { cause: error })
        : error;
    }
  }

  /**
   * Resolves once `take` will find that the disk answers: on NFS a lock is the server's, and may hang where files do not.
   * It takes a thread of its own. Not while this process holds the lock: it would be lost.
   */
  static async probe(path: string): Promise<void> {
    const worker = new Worker(PROBE, { eval: true, workerData: { path, lock: LOCK } });
    await once(worker, 'exit');
  }

  release(): void {
    this.database.close();
  }
}

function lock(path: string): DatabaseSync {
  try {
    return lockDatabase(path);
  } catch (error) {
    if (resultOf(error) !== SQLITE_NOTADB) {
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
    database.exec(LOCK);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function resultOf(error: unknown): unknown {
  return error instanceof Error && 'errcode' in error ? error.errcode : undefined;
}
