import { type Batch, madeAt, newBatch } from './batches.js';
import { LONGEST_ASKED_MS } from './outcome.js';
import { read, remove, storedNames, write } from './store.js';

/**
 * Characters: 1,000 events of 2,000, which is a long one. `localStorage` has room for 5.2 million (WebKit: for 2.6 million, of a
 * text that is not Latin-1), and the rest is the page's own.
 */
const MAX_STORED = 2_000_000;
/** The collector would replace the `ts` of older ones. */
const MAX_AGE_MS = 7 * 24 * 3_600_000;

/** The oldest first. Each has a name of its own, so that pages that write at the same time lose nothing of each other's. */
export function batchNames(): string[] {
  return storedNames().filter(madeAt).sort();
}

/** @param restMs no page sends it before */
export function keepBatch(batch: Batch, restMs: number): void {
  batch.isStored = true;
  write(batch.name, `${Date.now() + restMs},${batch.events}`);
}

/** Keeps the store within its bound: the oldest give way. */
export function trimBatches(): void {
  let room = MAX_STORED;
  for (const name of batchNames().reverse()) {
    room -= read(name).length;
    if (room < 0) {
      remove(name);
    }
  }
}

/** The batch of this name if it may be sent now. One that is too old is removed. */
export function dueBatch(name: string): Batch | undefined {
  const now = Date.now();
  if (Math.abs(now - madeAt(name)) > MAX_AGE_MS) {
    remove(name);
  }
  const text = read(name);
  const restMs = parseInt(text, 10) - now;
  // What rests for longer than anybody may ask for was stored by a clock that has been set back since.
  if (!text || (restMs > 0 && restMs < LONGEST_ASKED_MS)) {
    return undefined;
  }
  return { ...newBatch(text.slice(text.indexOf(',') + 1), name), isStored: true };
}
