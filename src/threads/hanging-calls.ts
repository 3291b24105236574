import { setTimeout as sleep } from 'node:timers/promises';
import { boundedCallsUnderWay } from './bounded-calls.js';
import { isPoolThreadBlocked } from './pool-threads.js';

const POLL_MS = 20;

/** Whether a thread of the pool waits for a disk or a resolver now. The end of a process waits for its threads. */
export function callsAreUnderWay(): boolean {
  // The first knows of a sink's calls on every system.
  return boundedCallsUnderWay() > 0 || isPoolThreadBlocked();
}

/** Whether calls are still under way after this time. */
export async function callsHang(patienceMs: number): Promise<boolean> {
  const endsAt = performance.now() + patienceMs;
  while (callsAreUnderWay() && performance.now() < endsAt) {
    await sleep(POLL_MS);
  }
  return callsAreUnderWay();
}
