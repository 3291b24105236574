import { stat } from 'node:fs';
import { promisify } from 'node:util';

const statPath = promisify(stat);

/** Which file it is, whatever its path leads to later. */
export interface FileId {
  readonly dev: number;
  readonly ino: number;
}

/** Somebody has removed or replaced files of the queue under the running process. */
export class QueueFilesGoneError extends Error {
  override readonly name = 'QueueFilesGoneError';
}

/**
 * Proves that the paths of a queue still lead to the files that are open: what is written to a removed file is
 * lost, and what is at the path may be another process's. Once that has happened it stays so, until a restart.
 */
export class QueueFiles {
  private error: QueueFilesGoneError | undefined;

  private constructor(
    private readonly lockPath: string,
    private readonly lock: FileId,
  ) {}

  /** @param lockPath of the owner's lock, which is taken */
  static async of(lockPath: string): Promise<QueueFiles> {
    return new QueueFiles(lockPath, await statPath(lockPath));
  }

  get gone(): QueueFilesGoneError | undefined {
    return this.error;
  }

  /** The directory is still this process's. To be called before anything that finds a file by its path. @throws QueueFilesGoneError */
  assertOwned(): Promise<void> {
    return this.assertInPlace(this.lockPath, this.lock);
  }

  /** @throws QueueFilesGoneError when the path leads to no file, or to another one */
  assertInPlace(path: string, id: FileId): Promise<void> {
    return new Promise((resolve, reject) => {
      this.checkInPlace(path, id, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** The same with a callback, for what runs for each commit: a promise of the file system costs a tenth of one. */
  checkInPlace(path: string, { dev, ino }: FileId, done: (error: Error | null) => void): void {
    if (this.error) {
      done(this.error);
      return;
    }
    stat(path, (error, found) => {
      if (error && error.code !== 'ENOENT') {
        done(error);
        return;
      }
      const file = error ? undefined : found;
      if (file?.dev !== dev || file.ino !== ino) {
        this.error ??= new QueueFilesGoneError(
          `${path} was ${file ? 'replaced' : 'removed'} while the queue was open. Nothing more is accepted, so that ` +
            'nothing is lost: put the files back or leave them, and restart this process',
        );
      }
      done(this.error ?? null);
    });
  }
}
