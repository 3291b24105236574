import type { DeadLetters } from './delivery/dead-letters/dead-letters.js';
import type { Lane } from './delivery/lane.js';
import type { Check } from './health/readiness.js';
import type { EventQueue } from './queueing/event-queue.js';

export function queueCheck({ state, failure }: EventQueue): Check {
  const full = 'QUEUE_MAX_MB is reached: requests get 503 until sinks have drained';
  const error = state === 'full' ? full : failure;
  return { name: 'queue', state, status: state === 'accepting' ? 'up' : 'down', error };
}

/** Only while they cannot be kept. Nothing is lost: a lane that has one holds. */
export function deadLettersCheck({ store: { failure } }: DeadLetters): Check | undefined {
  return failure === undefined
    ? undefined
    : { name: 'dead-letters', state: 'failing', status: 'degraded', error: failure };
}

export function laneCheck({ name, sinkState, holding }: Lane): Check {
  const { state, error } = sinkState;
  const check = `sink:${name}`;
  if (state === 'down') {
    return { name: check, state, status: 'degraded', error };
  }
  return holding === undefined
    ? { name: check, state, status: 'up' }
    : { name: check, state: 'holding', status: 'degraded', error: holding };
}
