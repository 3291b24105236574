import { readFileSync } from 'node:fs';

/** How many files and sockets this process may have open; Node has raised it as far as it may. */
export function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
}
