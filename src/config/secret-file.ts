import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileFailure } from './file-failure.js';
import { InvalidValueError } from './setting.js';
import { utf8Text } from './utf8-text.js';

/**
 * The secret that a file holds, without the one newline that editors and `echo` leave at its end.
 * @throws InvalidValueError without the path
 */
export function readSecretFile(directory: string, path: string): string {
  const secret = utf8Text(bytesOf(resolve(directory, path)))?.replace(/\r?\n$/, '');
  if (secret === undefined) {
    throw new InvalidValueError('names a file that is not in UTF-8; save it as UTF-8');
  }
  if (secret === '') {
    throw new InvalidValueError('names a file that is empty; write the secret to it or unset it');
  }
  return secret;
}

function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    // Without the cause: its message holds the path.
    throw new InvalidValueError(`names a file that cannot be read: ${fileFailure(error)}`);
  }
}
