import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DEAD_LETTER_SUFFIX, REPLAY_SUFFIX } from '../../disk/dead-letter-paths.js';
import { ifMissing } from '../../disk/missing.js';

export interface DeadLetterFile {
  readonly path: string;
  /** A file that is being replayed holds also what is settled already. */
  readonly events: number;
  /** The most frequent first. */
  readonly causes: readonly { readonly cause: string; readonly events: number }[];
}

/**
 * For `dead-letters list`: each file, and how many events it holds for each reason and error.
 * @returns undefined when there is no such directory
 */
export async function listDeadLetters(
  directory: string,
): Promise<readonly DeadLetterFile[] | undefined> {
  const names = await readdir(directory).catch(ifMissing(undefined));
  const files = names
    ?.filter((name) => name.endsWith(DEAD_LETTER_SUFFIX) || name.endsWith(REPLAY_SUFFIX))
    .toSorted();
  return files && Promise.all(files.map((name) => count(join(directory, name))));
}

async function count(path: string): Promise<DeadLetterFile> {
  const counts = new Map<string, number>();
  let total = 0;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const cause = causeOf(line);
    counts.set(cause, (counts.get(cause) ?? 0) + 1);
    total += 1;
  }
  const causes = [...counts].toSorted(([, a], [, b]) => b - a);
  return { path, events: total, causes: causes.map(([cause, events]) => ({ cause, events })) };
}

/** The collector may be writing: its last line may be half there. */
function causeOf(line: string): string {
  try {
    const { reason, error } = JSON.parse(line) as { reason: string; error: string };
    return `${reason}: ${error}`;
  } catch {
    return 'a line that is not whole';
  }
}
