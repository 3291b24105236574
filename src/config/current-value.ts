import { InvalidValueError } from './setting.js';

interface FileOfSecret {
  readonly variable: string;
  readonly reread: () => Promise<unknown>;
}

const rereaders = new WeakMap<object, Map<string, FileOfSecret>>();

/**
 * @param variable that names the file
 * @param reread gives the value as the file holds it by then
 */
export function rememberFile(
  options: object,
  property: string,
  variable: string,
  reread: () => Promise<unknown>,
): void {
  const properties = rereaders.get(options) ?? new Map<string, FileOfSecret>();
  rereaders.set(options, properties.set(property, { variable, reread }));
}

/**
 * The value of a property now: a secret that came from a file is read again, for files of secrets are renewed
 * while the process runs.
 * @throws InvalidValueError with the name of the variable, when the file, or what it holds now, cannot be read
 */
export async function currentValue<T extends object, P extends keyof T & string>(
  options: T,
  property: P,
): Promise<T[P]> {
  const file = rereaders.get(options)?.get(property);
  if (!file) {
    return options[property];
  }
  try {
    return (await file.reread()) as T[P];
  } catch (error) {
    // Another error of a reader may carry the value.
    const reason = error instanceof InvalidValueError ? error.message : 'cannot be read';
    throw new InvalidValueError(`${file.variable} ${reason}`);
  }
}
