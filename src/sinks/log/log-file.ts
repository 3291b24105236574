import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectory } from '../../disk/make-directory.js';
import { ifMissing } from '../../disk/missing.js';
import { syncDirectory } from '../../disk/sync-directory.js';
import { lengthOfWholeLines } from '../../disk/torn-line.js';
import { RetryableSinkError } from '../sink.js';

/** Which file it is, under any name. Not numbers: overlay file systems use all 64 bits, neighbours would look alike. */
interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** What a failed append has left after the confirmed lines, and could not roll back at once. */
export interface UnconfirmedBytes extends Identity {
  readonly from: number;
  readonly to: number;
}

/** What others did to the file: it has another name or none, or another length. */
export type Change = 'moved' | 'shrunk' | 'grown';

/** One opened file of whole lines. After a failed `append` it is of no more use: close it, open it again. */
export class LogFile {
  /** Set by a failed `append`; give it to the next `open`. */
  unconfirmed: UnconfirmedBytes | undefined;

  private constructor(
    private readonly handle: FileHandle,
    private readonly identity: Identity,
    private confirmedLength: number,
    /** Length of a torn last line, which is gone now. */
    readonly cutBytes: number,
  ) {}

  /**
   * Opens the file at its last whole line, and creates what is missing of its path.
   * @param own is awaited before anything in the file is changed
   */
  static async open(
    path: string,
    own: () => Promise<void>,
    unconfirmed?: UnconfirmedBytes,
  ): Promise<LogFile> {
    await makeDirectory(dirname(path), 0o750);
    const { O_RDWR, O_APPEND, O_CREAT } = constants;
    const handle = await open(path, O_RDWR | O_APPEND | O_CREAT, 0o640);
    try {
      const stats = await handle.stat({ bigint: true });
      assertRegularFile(path, stats);
      await own();
      if (unconfirmed) {
        await rollback(handle, unconfirmed);
      }
      const { size } = await handle.stat();
      const length = await lengthOfWholeLines(handle, size);
      if (length < size) {
        await handle.truncate(length);
      }
      await syncDirectory(dirname(path));
      return new LogFile(handle, stats, length, size - length);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Bytes of whole, confirmed lines. */
  get length(): number {
    return this.confirmedLength;
  }

  /** How the file at `path` differs from what we left there, if it does. */
  async changeAt(path: string): Promise<Change | undefined> {
    const stats = await statIfThere(path);
    if (!stats || !isSame(stats, this.identity)) {
      return 'moved';
    }
    const grown = Number(stats.size) - this.confirmedLength;
    if (grown === 0) {
      return undefined;
    }
    return grown > 0 ? 'grown' : 'shrunk';
  }

  /** Resolves once the lines are on the disk. A failure leaves none of them, or sets `unconfirmed`. */
  async append(lines: Buffer): Promise<void> {
    let written = 0;
    try {
      while (written < lines.length) {
        written += (await this.handle.write(lines, written)).bytesWritten;
      }
      await this.handle.datasync();
    } catch (error) {
      await this.rollbackLast(written);
      throw error;
    }
    this.confirmedLength += written;
  }

  /** Never fails: what was confirmed is on the disk, and nothing else is worth saving. */
  async close(): Promise<void> {
    await this.handle.close().catch(() => undefined);
  }

  /** Not later and on another descriptor: readers look at the file now, and it may be moved before the next attempt. */
  private async rollbackLast(written: number): Promise<void> {
    const { dev, ino } = this.identity;
    const from = this.confirmedLength;
    const unconfirmed = { dev, ino, from, to: from + written };
    try {
      await rollback(this.handle, unconfirmed);
    } catch {
      this.unconfirmed = unconfirmed;
    }
  }
}

export function statIfThere(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(ifMissing(undefined));
}

/** A pipe or a terminal keeps nothing, and can be neither synced nor cut. */
export function assertRegularFile(path: string, stats: BigIntStats): void {
  if (!stats.isFile()) {
    throw new RetryableSinkError(
      'disk',
      `LOG_PATH=${path} is not a regular file: name one, or stdout for standard output`,
    );
  }
}

/** Only if nobody else has changed the file since: what they wrote or cut is not ours to touch. */
async function rollback(handle: FileHandle, unconfirmed: UnconfirmedBytes): Promise<void> {
  const stats = await handle.stat({ bigint: true });
  if (isSame(stats, unconfirmed) && stats.size === BigInt(unconfirmed.to)) {
    await handle.truncate(unconfirmed.from);
  }
}

function isSame(one: Identity, other: Identity): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}
