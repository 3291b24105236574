import { isDeepStrictEqual } from 'node:util';
import { currentValue, fileOfValue } from './current-value.js';
import { followFile } from './follow-file.js';

export interface ValueFollower<V> {
  /** The file holds another value now. */
  changed(value: V): void;
  /** What the file holds now cannot be used. @param reason names the variable, and no value */
  failed(reason: string): void;
}

/**
 * Looks every second whether the file of a secret was replaced. Does nothing for a value that came from no file.
 * @returns ends it
 */
export function followValue<T extends object, P extends keyof T & string>(
  options: T,
  property: P,
  follower: ValueFollower<T[P]>,
): () => void {
  const path = fileOfValue(options, property);
  if (path === undefined) {
    return () => undefined;
  }
  let value = options[property];
  return followFile(path, undefined, async () => {
    try {
      const found = await currentValue(options, property);
      if (!isDeepStrictEqual(found, value)) {
        value = found;
        follower.changed(found);
      }
    } catch (error) {
      follower.failed((error as Error).message);
    }
  });
}
