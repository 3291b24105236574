import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../../disk/sync-directory.js';
import { errorCode } from './disk-error.js';

/**
 * Creates the directory and its missing parents, durably. Not with `mkdir`'s own `recursive`: it never
 * settles where a parent is a link to nothing, as a volume that is not mounted leaves it (Node 26).
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, 0o750);
  } catch (error) {
    switch (errorCode(error)) {
      case 'EEXIST':
        return;
      case 'ENOENT':
        await makeDirectory(dirname(path));
        await mkdir(path, 0o750);
        break;
      default:
        throw error;
    }
  }
  await syncDirectory(dirname(path));
}
