import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Takes the place of a sink's name for what ingestion refused. */
export const REJECTED = 'rejected';

export const DEAD_LETTER_SUFFIX = '.ndjson';

/** For a file whose events are queued again. */
export const REPLAY_SUFFIX = '.replaying';

/** @param name of a sink, or `REJECTED` */
export function deadLetterPath(directory: string, name: string): string {
  return join(directory, `${name}${DEAD_LETTER_SUFFIX}`);
}

/** The file of a replay that has begun and is not over, of a sink or of `REJECTED`. */
export async function replayedFile(directory: string, name: string): Promise<string | undefined> {
  const files = await readdir(directory).catch(() => []);
  return files.find((file) => file.startsWith(`${name}.`) && file.endsWith(REPLAY_SUFFIX));
}
