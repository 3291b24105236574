import { vi, type VitestUtils } from 'vitest';

/** It ends what hangs. What is only slow, on a machine that does other things too, is no failure. */
const PATIENCE_MS = 60_000;

/** vitest has a setting for the patience of `expect.poll`, and none for that of `vi.waitFor`: one second. */
const { waitFor } = vi;
const waitPatiently: VitestUtils['waitFor'] = (condition, options = {}) =>
  waitFor(condition, typeof options === 'number' ? options : { timeout: PATIENCE_MS, ...options });

// Files that share their modules share it too.
if (waitFor.name !== waitPatiently.name) {
  vi.waitFor = waitPatiently;
}
