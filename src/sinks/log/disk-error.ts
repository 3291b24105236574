import { statfs } from 'node:fs/promises';
import { RetryableSinkError } from '../sink.js';

/** What the operator can do about it, by error code of the system. */
const ADVICE = new Map<string, (uid: string) => string>([
  ['ENOSPC', () => 'its file system is full: free some space'],
  ['EDQUOT', () => 'the disk quota is used up: raise it or free some space'],
  ['EIO', () => 'the disk reports an error: look at the kernel log'],
  ['EROFS', (uid) => `its file system is read-only: ${uid} needs to write there`],
  ['EACCES', (uid) => `${uid} needs to read and write the file and its directory`],
  ['EPERM', (uid) => `${uid} needs to read and write the file and its directory`],
  ['EISDIR', () => 'it is a directory: name a file in it'],
  ['ENOTDIR', () => 'a part of the path is a file: name another directory'],
  ['EEXIST', () => 'a part of the path is a file: name another directory'],
  ['ENOENT', () => 'its directory does not exist: create it'],
]);

/** @param target what was written to, as the operator configured it: `LOG_PATH=…` */
export function diskError(
  target: string,
  code: string,
  options?: ErrorOptions,
): RetryableSinkError {
  const advice = ADVICE.get(code);
  const uid = `uid ${process.getuid?.() ?? 'of this process'}`;
  return advice
    ? new RetryableSinkError(
        'disk',
        `${target} cannot be written (${code}): ${advice(uid)}`,
        options,
      )
    : new RetryableSinkError('other', `${target} cannot be written (${code})`, options);
}

/** What any failure of a file operation means for the lane. */
export function asSinkError(target: string, cause: unknown): RetryableSinkError {
  if (cause instanceof RetryableSinkError) {
    return cause;
  }
  return diskError(target, errorCode(cause) ?? String(cause), { cause });
}

/** The same, for a file in `directory`: the system says of a lack of inodes that there is no space. */
export async function asSinkErrorIn(
  directory: string,
  target: string,
  cause: unknown,
): Promise<RetryableSinkError> {
  if (errorCode(cause) !== 'ENOSPC' || !(await lacksInodes(directory))) {
    return asSinkError(target, cause);
  }
  const problem = 'its file system has no inodes left, though space: delete files there';
  return new RetryableSinkError('disk', `${target} cannot be written (ENOSPC): ${problem}`, {
    cause,
  });
}

async function lacksInodes(directory: string): Promise<boolean> {
  // A file system without a fixed number of inodes states 0 `files`.
  const none = { files: 0, ffree: 0, bavail: 0 };
  const { files, ffree, bavail } = await statfs(directory).catch(() => none);
  return files > 0 && ffree === 0 && bavail > 0;
}

/** `ENOENT`, `EPIPE`, … */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
