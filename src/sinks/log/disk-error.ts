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

/** `ENOENT`, `EPIPE`, … */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
