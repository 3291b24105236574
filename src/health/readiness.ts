import type { EventQueue } from '../queueing/event-queue.js';
import type { Lane } from '../delivery/lane.js';

export interface Check {
  /** `process`, `queue` or `sink:<name>`. */
  readonly name: string;
  readonly state: string;
  /** `down` takes the collector out of its balancer; a sink that is down only degrades it, since its events queue. */
  readonly status: 'up' | 'degraded' | 'down';
  readonly error?: string | undefined;
}

/**
 * What the collector can do now. It lives outside both applications, since the metrics application
 * answers before the collector is there and after it is gone.
 */
export class Readiness {
  private queue: EventQueue | undefined;
  private lanes: readonly Lane[] = [];
  private draining = false;

  collectorStarted(queue: EventQueue, lanes: readonly Lane[]): void {
    this.queue = queue;
    this.lanes = lanes;
  }

  drainBegun(): void {
    this.draining = true;
  }

  checks(): readonly Check[] {
    return [
      this.process(),
      ...(this.queue ? [queueCheck(this.queue)] : []),
      ...this.lanes.map(laneCheck),
    ];
  }

  private process(): Check {
    if (this.draining) {
      return { name: 'process', state: 'draining', status: 'down' };
    }
    return this.queue
      ? { name: 'process', state: 'running', status: 'up' }
      : { name: 'process', state: 'starting', status: 'down' };
  }
}

function queueCheck({ state, failure }: EventQueue): Check {
  const full = 'QUEUE_MAX_MB is reached: requests get 503 until sinks have drained';
  const error = state === 'full' ? full : failure;
  return { name: 'queue', state, status: state === 'accepting' ? 'up' : 'down', error };
}

function laneCheck({ name, sinkState, holding }: Lane): Check {
  const { state, error } = sinkState;
  const check = `sink:${name}`;
  if (state === 'down') {
    return { name: check, state, status: 'degraded', error };
  }
  return holding === undefined
    ? { name: check, state, status: 'up' }
    : { name: check, state: 'holding', status: 'degraded', error: holding };
}
