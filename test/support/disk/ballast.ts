import { appendFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** What does not fit is written as far as it does. */
const PIECE = Buffer.alloc(256 * 1024, 'x');
const POLL_MS = 2;

/** A file that takes what its file system has left, also what is given back meanwhile, until it is removed. */
export class Ballast {
  private kept = true;
  private readonly keeping: Promise<void>;
  private begun: (() => void) | undefined;

  private constructor(private readonly path: string) {
    this.keeping = this.keep();
    // `remove` tells it.
    this.keeping.catch(() => undefined);
  }

  /** Resolves once the file system is full. */
  static async fill(path: string): Promise<Ballast> {
    const ballast = new Ballast(path);
    await new Promise<void>((resolve) => {
      ballast.begun = resolve;
    });
    return ballast;
  }

  async remove(): Promise<void> {
    this.kept = false;
    await this.keeping;
    await rm(this.path, { force: true });
  }

  private async keep(): Promise<void> {
    while (this.kept) {
      try {
        await appendFile(this.path, PIECE);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') {
          throw error;
        }
        this.begun?.();
        await sleep(POLL_MS);
      }
    }
  }
}
