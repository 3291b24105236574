import { readFile } from 'node:fs/promises';
import { BoundedCalls } from './bounded-calls.js';

const LIMIT_MS = 2000;

/** By path; there are as many as the configuration names. */
const reads = new Map<string, BoundedCalls>();

/**
 * Reads a file that the configuration names, while the process serves: one thread a file at most.
 * @throws HangingCallError without the path, as its disk hangs; what `readFile` throws
 */
export function readFileInTime(path: string): Promise<Buffer> {
  const calls = reads.get(path) ?? new BoundedCalls('its disk', LIMIT_MS);
  reads.set(path, calls);
  return calls.run(() => readFile(path), path);
}
