import { readlink } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';

/** As many as Linux follows. */
const MAX_LINKS = 40;

/** The path of the file that `path` leads to through symbolic links in its last part. The file need not exist. */
export async function followLinks(path: string): Promise<string> {
  let reached = path;
  for (let links = 0; links < MAX_LINKS; links += 1) {
    // It fails for what is no link, and for what cannot be looked at: opening the path tells why.
    const next = await readlink(reached).catch(() => undefined);
    if (next === undefined) {
      return reached;
    }
    // Not normalised: `..` after a linked directory leads elsewhere than it reads.
    reached = isAbsolute(next) ? next : `${dirname(reached)}/${next}`;
  }
  return path;
}
