import { vi, type VitestUtils } from 'vitest';
import { PATIENCE_MS } from './patience.js';

/** vitest has a setting for the patience of `expect.poll`, and none for that of these: one second. */
const { waitFor, waitUntil } = vi;
const waitForPatiently: VitestUtils['waitFor'] = (condition, options = {}) =>
  waitFor(condition, typeof options === 'number' ? options : { timeout: PATIENCE_MS, ...options });
const waitUntilPatiently: VitestUtils['waitUntil'] = (condition, options = {}) =>
  waitUntil(
    condition,
    typeof options === 'number' ? options : { timeout: PATIENCE_MS, ...options },
  );

// Files that share their modules share them too.
if (waitFor.name !== waitForPatiently.name) {
  vi.waitFor = waitForPatiently;
  vi.waitUntil = waitUntilPatiently;
}
