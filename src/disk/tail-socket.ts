import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Bytes. The kernel takes 107 (macOS: 103), and the socket has a longer name until it is ready. */
const MAX_PATH_BYTES = 80;
const NAME = 'tail.sock';

/** Where the collector with this QUEUE_PATH shows its events. */
export interface TailSocket {
  readonly directory: string;
  readonly path: string;
  /** In the directory for temporary files, where others may write, too. */
  readonly isTemporary: boolean;
}

export function tailSocket(queuePath: string): TailSocket {
  const path = join(queuePath, NAME);
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) {
    return { directory: queuePath, path, isTemporary: false };
  }
  const hash = createHash('sha256').update(resolve(queuePath)).digest('hex').slice(0, 16);
  const directory = join(tmpdir(), `gotrack-${hash}`);
  return { directory, path: join(directory, NAME), isTemporary: true };
}

/** @throws Error unless nobody but this user can have put anything into the directory */
export async function assertPrivate(directory: string, uid: number | undefined): Promise<void> {
  const found = await lstat(directory);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new Error(`${directory} is not a directory of uid ${uid} alone`);
  }
}
