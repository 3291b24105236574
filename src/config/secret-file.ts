import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileFailure } from './file-failure.js';
import { InvalidValueError } from './setting.js';

/**
 * The secret that a file holds, without the one newline that editors and `echo` leave at its end.
 * @throws InvalidValueError without the path
 */
export function readSecretFile(directory: string, path: string): string {
  const secret = contentOf(resolve(directory, path)).replace(/\r?\n$/, '');
  if (secret === '') {
    throw new InvalidValueError('names a file that is empty; write the secret to it or unset it');
  }
  return secret;
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // Without the cause: its message holds the path.
    throw new InvalidValueError(`names a file that cannot be read: ${fileFailure(error)}`);
  }
}
