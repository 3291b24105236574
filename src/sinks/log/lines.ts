import type { StoredEvent } from '../../event/stored-event.js';

const NEWLINE = Buffer.from('\n');

/** The batch as NDJSON, in one piece. */
export function encodeLines(batch: readonly StoredEvent[]): Buffer {
  return Buffer.concat(batch.flatMap(({ json }) => [json, NEWLINE]));
}
