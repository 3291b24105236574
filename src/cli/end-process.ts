import { callsAreUnderWay, callsHang } from '../threads/hanging-calls.js';

/** For calls that are about to return. */
const GRACE_MS = 200;

/** Ends the process, by SIGKILL when calls hang: an ordinary end waits for their threads. */
export async function endProcess(exitCode: number): Promise<never> {
  if (callsAreUnderWay() && (await callsHang(GRACE_MS))) {
    process.kill(process.pid, 'SIGKILL');
  }
  process.exit(exitCode);
}
