import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Paths of the files under a directory that hold one of the texts, and how many files were looked at. */
export async function filesHolding(
  directory: string,
  texts: readonly (string | Buffer)[],
): Promise<{ readonly looked: number; readonly holding: readonly string[] }> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const holding: string[] = [];
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    const content = await readFile(path);
    if (texts.some((text) => content.includes(text))) {
      holding.push(path);
    }
  }
  return { looked: files.length, holding };
}
