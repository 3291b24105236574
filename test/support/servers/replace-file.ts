import { copyFileSync, renameSync } from 'node:fs';

/** Puts a copy of another file in its place, as those do who let nobody see half a file. */
export function replaceFile(path: string, source: string): void {
  copyFileSync(source, `${path}.new`);
  renameSync(`${path}.new`, path);
}
