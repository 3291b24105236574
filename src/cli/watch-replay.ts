import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeadLetterOptions } from '../config/dead-letter.options.js';
import type { Configuration } from '../config/load-configuration.js';
import { configuredPlan } from '../configured-plan.js';
import { deadLetterPath, REJECTED, replayedFile } from '../disk/dead-letter-paths.js';
import { DeadLetterRequests } from '../disk/dead-letter-requests.js';
import { ifMissing } from '../disk/missing.js';
import { countLines } from '../disk/read-lines.js';
import { QUEUE_CATALOGUE } from '../queueing/queue.catalogue.js';
import { complain } from './print.js';

const POLL_INTERVAL_MS = 500;

/**
 * Waits until what was asked for is done, and shows on stderr how far it is. Looks at the collector's files alone, so
 * that it needs no address of it.
 * @returns the end, for the operator
 */
export async function watchReplay({ get }: Configuration, name: string): Promise<string> {
  const { path: directory } = get(DeadLetterOptions);
  const requests = new DeadLetterRequests(directory);
  let shown = '';
  for (;;) {
    const isTaken = !(await requests.isMade(name, 'replay'));
    const file = await replayedFile(directory, name);
    if (isTaken && file === undefined) {
      break;
    }
    const remaining = file && (await remainingEvents(get, name, file));
    const progress = remaining === undefined ? 'not begun' : `${remaining} event(s) to go`;
    if (progress !== shown) {
      complain(`${name}: ${progress}`);
      shown = progress;
    }
    await sleep(POLL_INTERVAL_MS);
  }
  const events = await countLines(deadLetterPath(directory, name)).catch(ifMissing(0));
  return `${name}: done; there are ${events} event(s) in its dead letters now`;
}

/** @returns undefined before the lane has counted them */
async function remainingEvents(
  get: Configuration['get'],
  name: string,
  file: string,
): Promise<number | undefined> {
  if (name === REJECTED) {
    // What is done is cut off.
    return countLines(join(get(DeadLetterOptions).path, file)).catch(ifMissing(0));
  }
  // A segment that is delivered may be removed meanwhile.
  const { driver } = configuredPlan(get);
  const replay = await QUEUE_CATALOGUE[driver].replayMark(get, name).catch(ifMissing(undefined));
  return replay?.file === file ? replay.remaining : undefined;
}
