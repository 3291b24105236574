import { DeadLetterOptions } from '../config/dead-letter.options.js';
import {
  type DeadLetterFile,
  listDeadLetters,
} from '../delivery/dead-letters/list-dead-letters.js';
import type { Options } from './command.js';
import { print, printJson } from './print.js';
import { loadProgramConfiguration } from '../program-configuration.js';

/** @throws Error when there is no such directory: the command may run in another place than the collector */
export async function run(options: Options): Promise<number> {
  const { path } = (await loadProgramConfiguration()).get(DeadLetterOptions);
  const files = await listDeadLetters(path);
  if (!files) {
    throw new Error(
      `there is no directory ${path} (DEAD_LETTER_PATH): nothing was ever refused, or this command runs in another ` +
        'directory than the collector, or with another configuration',
    );
  }
  if (options.has('json')) {
    printJson({ directory: path, files });
  } else {
    print(files.length === 0 ? `no dead letters in ${path}` : files.map(describe).join('\n\n'));
  }
  return 0;
}

function describe({ path, events, causes }: DeadLetterFile): string {
  return [
    `${path}: ${events} event(s)`,
    ...causes.map(({ cause, events: count }) => `  ${count}  ${cause}`),
  ].join('\n');
}
