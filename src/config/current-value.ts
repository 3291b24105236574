import { InvalidValueError } from './setting.js';

const rereaders = new WeakMap<object, Map<string, () => unknown>>();

/** @param reread gives the value that the file holds now */
export function rememberFile(options: object, property: string, reread: () => unknown): void {
  const properties = rereaders.get(options) ?? new Map<string, () => unknown>();
  rereaders.set(options, properties.set(property, reread));
}

/**
 * The value of a property now: a secret that came from a file is read again, for files of secrets are renewed
 * while the process runs.
 * @throws InvalidValueError when the file, or what it holds now, cannot be read
 */
export function currentValue<T extends object, P extends keyof T & string>(
  options: T,
  property: P,
): T[P] {
  const reread = rereaders.get(options)?.get(property);
  try {
    return reread ? (reread() as T[P]) : options[property];
  } catch (error) {
    // Another error of a parser may carry the value.
    throw error instanceof InvalidValueError ? error : new InvalidValueError('cannot be read');
  }
}
