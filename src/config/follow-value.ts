import { stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { currentValue, fileOfValue } from './current-value.js';

const POLL_MS = 1_000;

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
  let stopped = false;
  let seen: string | undefined;
  let value = options[property];
  const look = async (): Promise<void> => {
    const stamp = await stampOf(path);
    if (stopped || stamp === seen) {
      return;
    }
    seen = stamp;
    try {
      const found = await currentValue(options, property);
      if (!isDeepStrictEqual(found, value)) {
        value = found;
        follower.changed(found);
      }
    } catch (error) {
      follower.failed((error as Error).message);
    }
  };
  let timer: NodeJS.Timeout | undefined;
  // One look at a time: a disk that hangs takes one thread of libuv, and no more.
  const wait = (): void => {
    if (!stopped) {
      timer = setTimeout(() => void look().finally(wait), POLL_MS).unref();
    }
  };
  wait();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** Another text for each replacement: a write sets the change time, a rename brings another inode. */
async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, ctimeNs } = await stat(path, { bigint: true });
    return `${ino} ${size} ${ctimeNs}`;
  } catch {
    return 'gone';
  }
}
