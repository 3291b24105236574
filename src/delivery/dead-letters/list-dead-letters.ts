import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DEAD_LETTER_SUFFIX, REPLAY_SUFFIX } from '../../disk/dead-letter-paths.js';
import { ifMissing } from '../../disk/missing.js';

/**
 * For `dead-letters list`: each file, then how many events it holds for each reason and error. A file that is
 * being replayed holds also what is settled already.
 */
export async function listDeadLetters(directory: string): Promise<string> {
  const names = await readdir(directory).catch(ifMissing([]));
  const files = names
    .filter((name) => name.endsWith(DEAD_LETTER_SUFFIX) || name.endsWith(REPLAY_SUFFIX))
    .toSorted();
  const sections = await Promise.all(files.map((name) => section(join(directory, name))));
  return sections.length === 0 ? `no dead letters in ${directory}` : sections.join('\n\n');
}

async function section(path: string): Promise<string> {
  const counts = new Map<string, number>();
  let total = 0;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const kind = kindOf(line);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    total += 1;
  }
  const kinds = [...counts].toSorted(([, a], [, b]) => b - a);
  return [
    `${path}: ${total} event(s)`,
    ...kinds.map(([kind, count]) => `  ${count}  ${kind}`),
  ].join('\n');
}

/** The collector may be writing: its last line may be half there. */
function kindOf(line: string): string {
  try {
    const { reason, error } = JSON.parse(line) as { reason: string; error: string };
    return `${reason}: ${error}`;
  } catch {
    return 'a line that is not whole';
  }
}
