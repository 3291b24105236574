import { configuredPlan } from '../configured-plan.js';
import { DeadLetterOptions } from '../config/dead-letter.options.js';
import {
  type Asked,
  askAboutDeadLetters,
} from '../delivery/dead-letters/ask-about-dead-letters.js';
import type { Configuration } from '../config/load-configuration.js';
import { REJECTED } from '../disk/dead-letter-paths.js';
import type { DeadLetterRequest } from '../disk/dead-letter-requests.js';
import { lanesOf, type QueuePlan } from '../queueing/queue-plan.js';
import { loadProgramConfiguration } from '../program-configuration.js';
import { UsageError } from './usage-error.js';

/** @throws UsageError when `name` is neither a lane of this process nor what ingestion rejected */
export async function configurationWith(name: string): Promise<Configuration> {
  const configuration = await loadProgramConfiguration();
  const plan = configuredPlan(configuration.get);
  const names = [...lanesOf(plan), ...(plan.role === 'deliver' ? [] : [REJECTED])];
  if (!names.includes(name)) {
    throw new UsageError(`${name} is none of ${names.join(', ')}: ${whatTheyAre(plan)}`);
  }
  return configuration;
}

function whatTheyAre({ role, driver }: QueuePlan): string {
  if (driver === 'embedded') {
    return 'the sinks of OUTPUTS, and what ingestion rejected';
  }
  return `what has dead letters here with QUEUE_DRIVER=kafka and ROLE=${role}`;
}

/**
 * Has the running collector replay or purge dead letters: only a sink's lane knows which of them it still holds,
 * and a sink without a lane has nobody to ask.
 */
export async function requestToCollector(
  { get }: Configuration,
  name: string,
  request: DeadLetterRequest,
): Promise<Asked> {
  const { path } = get(DeadLetterOptions);
  try {
    return await askAboutDeadLetters(path, name, request);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') {
      throw new Error(
        `DEAD_LETTER_PATH ${path} cannot be used: ${message}. This command runs as uid ${process.getuid?.()}, ` +
          'which must be able to read and write there, as the collector does',
        { cause: error },
      );
    }
    throw error;
  }
}
