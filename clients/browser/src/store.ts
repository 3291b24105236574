import { attempt } from './attempt.js';

/**
 * Texts by name, in `localStorage`, and in memory what that refuses: it may be full, or blocked (then reading the
 * property throws already). No function here throws.
 */
const memory = new Map<string, string>();
let disk: Storage | undefined;

/**
 * Before this is called, everything is in memory only.
 * @returns whether the browser allows more
 */
export function openStore(): boolean {
  disk = attempt(() => localStorage);
  return !!disk;
}

export function read(name: string): string {
  return memory.get(name) ?? attempt(() => disk!.getItem(name)) ?? '';
}

export function write(name: string, text: string): void {
  memory.set(name, text);
  attempt(() => {
    disk!.setItem(name, text);
    memory.delete(name);
  });
}

export function remove(name: string): void {
  memory.delete(name);
  attempt(() => disk!.removeItem(name));
}

/** Removes all that is ours, also what an earlier page has stored where this one may store nothing. */
export function removeAll(): void {
  memory.clear();
  attempt(() => {
    for (const name of Object.keys(localStorage)) {
      if (/^gt_(sid$|visit$|q\d+\.)/.test(name)) {
        localStorage.removeItem(name);
      }
    }
  });
}

export function storedNames(): string[] {
  return [...memory.keys(), ...(attempt(() => Object.keys(disk!)) ?? [])];
}
