import { attempt } from './attempt.js';

/** Texts by name, that outlast the page where the browser allows it. No method throws. */
export interface Store {
  read(name: string): string | undefined;
  write(name: string, text: string): void;
  remove(name: string): void;
  names(): string[];
}

/**
 * Keeps texts in `localStorage`, and in memory what that refuses: it may be full, or blocked (then reading the
 * property throws already).
 * @param lasting false: in memory only
 */
export function openStore(lasting: boolean): Store {
  const memory = new Map<string, string>();
  const disk = lasting ? attempt(() => localStorage) : undefined;
  return {
    read: (name) => memory.get(name) ?? attempt(() => disk?.getItem(name)) ?? undefined,
    write(name, text) {
      memory.set(name, text);
      attempt(() => {
        disk!.setItem(name, text);
        memory.delete(name);
      });
    },
    remove(name) {
      memory.delete(name);
      attempt(() => disk!.removeItem(name));
    },
    names: () => [...memory.keys(), ...(attempt(() => Object.keys(disk!)) ?? [])],
  };
}
