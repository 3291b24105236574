import { DeadLetterOptions } from '../config/dead-letter.options.js';
import { askAboutDeadLetters } from '../delivery/dead-letters/ask-about-dead-letters.js';
import { REJECTED } from '../disk/dead-letter-paths.js';
import type { DeadLetterRequest } from '../disk/dead-letter-requests.js';
import { SinksOptions } from '../sinks/sinks.options.js';
import { print } from './print.js';
import { loadProgramConfiguration } from './program-configuration.js';
import { UsageError } from './usage-error.js';

/**
 * Has the running collector replay or purge dead letters: only a sink's lane knows which of them it still holds,
 * and a sink without a lane has nobody to ask.
 */
export async function requestToCollector(
  name: string,
  request: DeadLetterRequest,
): Promise<number> {
  const { get } = await loadProgramConfiguration();
  const names = [...get(SinksOptions).outputs, REJECTED];
  if (!names.includes(name)) {
    throw new UsageError(
      `${name} is none of ${names.join(', ')}: the sinks of OUTPUTS, and what ingestion rejected`,
    );
  }
  print(await askAboutDeadLetters(get(DeadLetterOptions).path, name, request));
  return 0;
}
