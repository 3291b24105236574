import { uuid } from './uuid.js';

/**
 * A batch's share of the 64 KiB that browsers let a page have in flight when it ends: a second one still fits while
 * the first is on its way.
 */
const MAX_BATCH_BYTES = 30_000;

/** Events that are sent, stored and signed together. */
export interface Batch {
  /** Under which it is stored: it says when it was made. */
  readonly name: string;
  /** The elements of a JSON array. */
  events: string;
  /** UTF-8 bytes of the request's body. */
  bytes: number;
  /** The signature of the events that are in it now; undefined when there is none. */
  signedAs?: string | undefined;
  isStored?: boolean;
}

/** When the batch of this name was made, in milliseconds since the epoch; NaN when it is none of ours. */
export function madeAt(name: string): number {
  return Number(/^gt_q(\d+)\./.exec(name)?.[1]);
}

export function bodyOf({ events }: Batch): string {
  return `[${events}]`;
}

export function newBatch(events: string, name = `gt_q${Date.now()}.${uuid()}`): Batch {
  return { name, events, bytes: new TextEncoder().encode(events).length + 2 };
}

/**
 * Adds an event to the last batch, or to a new one where it does not fit. One that is larger than a batch may be
 * stands alone.
 */
export function addToBatches(batches: Batch[], json: string): void {
  const added = newBatch(json);
  const last = batches[batches.length - 1];
  // A comma and two brackets less.
  const bytes = (last?.bytes ?? MAX_BATCH_BYTES) + added.bytes - 1;
  if (last && bytes <= MAX_BATCH_BYTES) {
    last.events += `,${json}`;
    last.bytes = bytes;
    last.signedAs = undefined;
  } else {
    batches.push(added);
  }
}
