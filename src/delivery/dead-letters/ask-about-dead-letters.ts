import { setTimeout as sleep } from 'node:timers/promises';
import { ifMissing } from '../../disk/missing.js';
import { countLines } from '../../disk/read-lines.js';
import { deadLetterPath, REJECTED } from '../../disk/dead-letter-paths.js';
import { type DeadLetterRequest, DeadLetterRequests } from '../../disk/dead-letter-requests.js';

/** A running collector looks once a second; it may be busy with a batch. */
const PATIENCE_MS = 10_000;
const POLL_INTERVAL_MS = 100;

export interface Asked {
  /** `none`: there was nothing to ask for. */
  readonly outcome: 'none' | 'taken' | 'waiting';
  /** For the operator. */
  readonly message: string;
}

/**
 * For `dead-letters replay` and `purge`: asks the running collector, and waits for it for a while.
 * @param name of a sink, or `rejected`
 * @returns what became of the request, for the operator
 */
export async function askAboutDeadLetters(
  directory: string,
  name: string,
  request: DeadLetterRequest,
): Promise<Asked> {
  const events = await countLines(deadLetterPath(directory, name)).catch(ifMissing(0));
  if (events === 0 && request === 'replay') {
    return {
      outcome: 'none',
      message: `there are no dead letters of ${name} in ${directory}`,
    };
  }
  const requests = new DeadLetterRequests(directory);
  await requests.make(name, request);
  for (let waited = 0; waited < PATIENCE_MS; waited += POLL_INTERVAL_MS) {
    await sleep(POLL_INTERVAL_MS);
    if (!(await requests.isMade(name, request))) {
      return {
        outcome: 'taken',
        message: `${name}: ${events} event(s) ${outcome(name, request)}`,
      };
    }
  }
  return {
    outcome: 'waiting',
    message:
      `${name}: no collector has taken the request within ${PATIENCE_MS / 1000} s. ` +
      `The one that runs takes it when it is done with what it does; otherwise the next start does`,
  };
}

function outcome(name: string, request: DeadLetterRequest): string {
  if (request === 'purge') {
    return 'deleted';
  }
  return name === REJECTED ? 'being validated again' : 'queued again';
}
