/**
 * A batch's share of the 64 KiB that browsers let a page have in flight when it ends: a second one still fits while
 * the first is on its way.
 */
export const MAX_BATCH_BYTES = 30_000;

/** Events that are sent, stored and signed together. */
export interface Batch {
  /** Under which it is stored. */
  readonly name: string;
  /** The elements of a JSON array. */
  events: string;
  /** UTF-8 bytes of the request's body. */
  bytes: number;
  /** Of the events that are in it now; undefined when there is none. */
  signature?: string | undefined;
  isStored?: boolean;
}

const QUEUED = /^gt_q(\d+)\./;

/** Names sort by age. */
export function batchName(id: string): string {
  return `gt_q${Date.now()}.${id}`;
}

/** When the batch of this name was made, in milliseconds since the epoch; NaN when it is none of ours. */
export function madeAt(name: string): number {
  return Number(QUEUED.exec(name)?.[1]);
}

/** As UTF-8. */
export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

export function bodyOf({ events }: Pick<Batch, 'events'>): string {
  return `[${events}]`;
}

/**
 * Adds an event to the last batch, or to a new one where it does not fit. One that is larger than a batch may be
 * stands alone.
 */
export function addToBatches(batches: Batch[], json: string, newName: () => string): void {
  const bytes = bytesOf(json) + 1;
  const last = batches[batches.length - 1];
  if (last && last.bytes + bytes <= MAX_BATCH_BYTES) {
    last.events += `,${json}`;
    last.bytes += bytes;
    last.signature = undefined;
  } else {
    batches.push({ name: newName(), events: json, bytes: bytes + 1 });
  }
}
