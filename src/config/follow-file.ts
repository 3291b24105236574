import { stat } from 'node:fs/promises';

const POLL_MS = 1_000;

/**
 * Looks every second whether the file was replaced.
 * @param seen the stamp of what is in use already; undefined: the first look takes what is there
 * @param take what to do with a changed file. Once it rejects, the next look asks it again
 * @returns ends it
 */
export function followFile(
  path: string,
  seen: string | undefined,
  take: () => Promise<void>,
): () => void {
  return followStamp(() => stampOf(path), seen, take);
}

/** The same for what has another stamp after each replacement. */
export function followStamp(
  stampNow: () => Promise<string>,
  seen: string | undefined,
  take: () => Promise<void>,
): () => void {
  let stopped = false;
  let taken = seen;
  const look = async (): Promise<void> => {
    const stamp = await stampNow();
    if (!stopped && stamp !== taken) {
      await take();
      taken = stamp;
    }
  };
  let timer: NodeJS.Timeout | undefined;
  // One look at a time: a disk that hangs takes one thread of libuv, and no more.
  const wait = (): void => {
    if (!stopped) {
      const again = (): void => void look().then(wait, wait);
      timer = setTimeout(again, POLL_MS).unref();
    }
  };
  wait();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** Another text for each replacement: a write sets the change time, a rename brings another inode. */
export async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, ctimeNs } = await stat(path, { bigint: true });
    return `${ino} ${size} ${ctimeNs}`;
  } catch {
    return 'gone';
  }
}
