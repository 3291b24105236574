import { it } from 'vitest';

const isFull = process.env['GUARANTEES'] === 'full';

/** How often a random check runs: `npm test` runs the short form, `npm run test:guarantees` the full one. */
export function runs(short: number, full: number): number {
  return isFull ? full : short;
}

/** Declares a test of the full form. The short one does not know of it, for where nothing may be skipped, it would fail. */
export const itInFull: (name: string, test: () => Promise<void>) => void = isFull
  ? it
  : () => undefined;
