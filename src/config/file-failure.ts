import { HangingCallError } from '../threads/bounded-calls.js';

const WORDS = new Map([
  ['ENOENT', 'it does not exist'],
  ['ENOTDIR', 'it does not exist'],
  ['EACCES', 'permission is denied'],
  ['EPERM', 'permission is denied'],
  ['EISDIR', 'it is a directory'],
]);

/** Why a file cannot be read. Leaves out its path, which may be the value of a variable. */
export function fileFailure(error: unknown): string {
  if (error instanceof HangingCallError) {
    return error.message;
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  const words = WORDS.get(code);
  return words === undefined ? code : `${words} (${code})`;
}
