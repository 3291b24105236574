import { stat } from 'node:fs/promises';
import { ifMissing } from '../../disk/missing.js';

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
    return new QueueFiles(lockPath, await stat(lockPath));
  }

  get gone(): QueueFilesGoneError | undefined {
    return this.error;
  }

  /** The directory is still this process's. To be called before anything that finds a file by its path. @throws QueueFilesGoneError */
  assertOwned(): Promise<void> {
    return this.assertInPlace(this.lockPath, this.lock);
  }

  /** @throws QueueFilesGoneError when the path leads to no file, or to another one */
  async assertInPlace(path: string, { dev, ino }: FileId): Promise<void> {
    if (this.error) {
      throw this.error;
    }
    const found = await stat(path).catch(ifMissing(undefined));
    if (found?.dev !== dev || found.ino !== ino) {
      this.error ??= new QueueFilesGoneError(
        `${path} was ${found ? 'replaced' : 'removed'} while the queue was open. Nothing more is accepted, so that ` +
          'nothing is lost: put the files back or leave them, and restart this process',
      );
      throw this.error;
    }
  }
}
