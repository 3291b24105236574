import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { readFileInTime } from '../threads/read-file.js';
import { fileFailure } from './file-failure.js';
import { InvalidValueError } from './setting.js';
import { utf8Text } from './utf8-text.js';

/**
 * The secret that a file holds, without the one newline that editors and `echo` leave at its end.
 * @throws InvalidValueError without the path
 */
export function readSecretFile(directory: string, path: string): string {
  try {
    return secretIn(readFileSync(resolve(directory, path)));
  } catch (error) {
    throw withoutPath(error);
  }
}

/** The same while the process serves: a disk that hangs does not hold the event loop. */
export async function rereadSecretFile(directory: string, path: string): Promise<string> {
  try {
    return secretIn(await readFileInTime(resolve(directory, path)));
  } catch (error) {
    throw withoutPath(error);
  }
}

function secretIn(bytes: Buffer): string {
  const secret = utf8Text(bytes)?.replace(/\r?\n$/, '');
  if (secret === undefined) {
    throw new InvalidValueError('names a file that is not in UTF-8; save it as UTF-8');
  }
  if (secret === '') {
    throw new InvalidValueError('names a file that is empty; write the secret to it or unset it');
  }
  return secret;
}

function withoutPath(error: unknown): InvalidValueError {
  return error instanceof InvalidValueError
    ? error
    : // Without the cause: its message holds the path.
      new InvalidValueError(`names a file that cannot be read: ${fileFailure(error)}`);
}
