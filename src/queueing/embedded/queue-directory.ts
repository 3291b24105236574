import { randomBytes } from 'node:crypto';
import { access, readdir, readFile, rename, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Logger } from '@nestjs/common';
import { makeDirectory } from '../../disk/make-directory.js';
import { ifMissing } from '../../disk/missing.js';
import { syncDirectory } from '../../disk/sync-directory.js';
import { OwnerLock } from './owner-lock.js';
import { QueueFiles } from './queue-files.js';
import { QueueStartError } from './queue-start-error.js';

const FORMAT = 'gotrack-queue 1';
const ID_BYTES = 16;
const ID = /^[0-9a-f]{32}$/;

/** The directory of a queue, held by this process alone until `release`. */
export class QueueDirectory {
  private knownId: string | undefined;

  private constructor(
    readonly path: string,
    readonly files: QueueFiles,
    private readonly lock: OwnerLock,
  ) {}

  /** @throws QueueStartError when it cannot be made, belongs to another process, or has another format */
  static async open(path: string): Promise<QueueDirectory> {
    await makeDirectory(path, 0o700).catch((error: Error) => {
      throw directoryError(path, 'created', error);
    });
    const lock = OwnerLock.take(path);
    try {
      const files = await QueueFiles.of(join(path, 'owner.lock'));
      await checkFormat(path);
      return new QueueDirectory(path, files, lock);
    } catch (error) {
      lock.release();
      throw unusable(path, error);
    }
  }

  /**
   * Random, and the same for as long as the directory lives: positions of two queues differ only with it.
   * Undefined while the disk has had no room for it.
   */
  get id(): string | undefined {
    return this.knownId;
  }

  /**
   * Reads the id. A new directory gets one, and so does one that an earlier version made, or whose id is
   * damaged. Never fails: a disk that the backlog has filled must not refuse the start.
   */
  async loadId(): Promise<void> {
    const path = join(this.path, 'id');
    try {
      const found = (await readIfThere(path))?.trim() ?? '';
      const id = ID.test(found) ? found : randomBytes(ID_BYTES).toString('hex');
      if (id !== found) {
        await writeDurably(path, id);
      }
      this.knownId = id;
    } catch (error) {
      new Logger('Queue').warn(
        `cannot write ${path}, the next start tries again: ${(error as Error).message}`,
      );
    }
  }

  async availableBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.path);
    return bavail * bsize;
  }

  release(): void {
    this.lock.release();
  }
}

/** A QueueStartError as it is; any other failure with what to do about it. */
export function unusable(directory: string, error: unknown): QueueStartError {
  return error instanceof QueueStartError
    ? error
    : directoryError(directory, 'used', error as Error);
}

function directoryError(
  directory: string,
  verb: 'created' | 'used',
  cause: Error,
): QueueStartError {
  return new QueueStartError(
    `QUEUE_PATH ${directory} cannot be ${verb}: ${cause.message}. ` +
      `The process runs as uid ${process.getuid?.()}, which must be able to write there`,
    { cause },
  );
}

/** @throws QueueStartError when there is no queue, or it has another format */
export async function assertQueue(directory: string): Promise<void> {
  try {
    await access(join(directory, 'format'));
  } catch (error) {
    if (!(await holdsSegments(directory).catch(() => false))) {
      throw new QueueStartError(
        `there is no queue in ${directory} (QUEUE_PATH): ${(error as Error).message}`,
        { cause: error },
      );
    }
  }
  await checkFormat(directory);
}

/** A new queue gets ours. @throws QueueStartError for another one */
async function checkFormat(directory: string): Promise<void> {
  const path = join(directory, 'format');
  const found = (await readIfThere(path))?.trim();
  if (found === FORMAT) {
    return;
  }
  if (found !== undefined || (await holdsSegments(directory))) {
    throw new QueueStartError(
      `${directory} holds a queue in a format that this version does not know` +
        ` (${JSON.stringify(found ?? 'none')}; it knows "${FORMAT}"). ` +
        'Let the version that wrote it drain it, or give this one another QUEUE_PATH. ' +
        `If the file ${path} is damaged: put the line ${FORMAT} into it`,
    );
  }
  await writeDurably(path, FORMAT);
}

async function holdsSegments(directory: string): Promise<boolean> {
  return (await readdir(directory)).some((name) => name.endsWith('.segment'));
}

function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(ifMissing(undefined));
}

/** A file of one line: all of it or nothing. */
async function writeDurably(path: string, line: string): Promise<void> {
  await writeFile(`${path}.new`, `${line}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
  await syncDirectory(dirname(path));
}
