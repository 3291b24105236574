import { setTimeout as sleep } from 'node:timers/promises';
import { boundedCallsUnderWay } from './bounded-calls.js';

/** What holds a thread of the pool and may wait for a disk or a resolver, as Node names it. */
const CALLS = /^(?:FSReq|CloseReq|GetAddrInfoReq|GetNameInfoReq)/;
const POLL_MS = 20;

/** Whether a thread waits for the system now. The end of a process waits for its threads. */
export function callsAreUnderWay(): boolean {
  // Node does not tell of `readFile`.
  return (
    boundedCallsUnderWay() > 0 || process.getActiveResourcesInfo().some((name) => CALLS.test(name))
  );
}

/** Whether calls are still under way after this time. */
export async function callsHang(patienceMs: number): Promise<boolean> {
  const endsAt = performance.now() + patienceMs;
  while (callsAreUnderWay() && performance.now() < endsAt) {
    await sleep(POLL_MS);
  }
  return callsAreUnderWay();
}
