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
