import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from './sync-directory.js';

/**
 * Creates the directory and its missing parents, durably. Not with `mkdir`'s own `recursive`: on
 * Node 26 it never settles where the parent exists and the system still says ENOENT, as under `/proc`.
 */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      return;
    }
    if (code !== 'ENOENT') {
      throw error;
    }
    await makeDirectory(dirname(path), mode);
    await mkdir(path, mode);
  }
  await syncDirectory(dirname(path));
}
