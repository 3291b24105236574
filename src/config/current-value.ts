import { InvalidValueError } from './setting.js';

interface FileOfSecret {
  readonly variable: string;
  readonly path: string;
  readonly reread: () => Promise<unknown>;
}

const rereaders = new WeakMap<object, Map<string, FileOfSecret>>();

/** @param file its variable, its path, and what gives the value as it holds it by then */
export function rememberFile(options: object, property: string, file: FileOfSecret): void {
  const properties = rereaders.get(options) ?? new Map<string, FileOfSecret>();
  rereaders.set(options, properties.set(property, file));
}

/** The path of the file that a property's value came from. */
export function fileOfValue(options: object, property: string): string | undefined {
  return rereaders.get(options)?.get(property)?.path;
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
