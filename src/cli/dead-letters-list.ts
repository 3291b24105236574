import { DeadLetterOptions } from '../config/dead-letter.options.js';
import { listDeadLetters } from '../delivery/dead-letters/list-dead-letters.js';
import { print } from './print.js';
import { loadProgramConfiguration } from './program-configuration.js';

export async function run(): Promise<number> {
  const { path } = (await loadProgramConfiguration()).get(DeadLetterOptions);
  print(await listDeadLetters(path));
  return 0;
}
