import type { StoredEvent } from '../../event/stored-event.js';
import { columnsOf } from './columns.js';

/** Signature, no flags, no extension ("Binary Format" under COPY in PostgreSQL's manual). */
const FILE_HEADER = Buffer.concat([Buffer.from('PGCOPY\n\xFF\r\n\0', 'latin1'), Buffer.alloc(8)]);
const FILE_TRAILER = Buffer.from([0xff, 0xff]);

const FIELDS = 3;
const UUID_BYTES = 16;
const TIMESTAMP_BYTES = 8;
const NULL = -1;
/** Goes before the text of a jsonb. */
const JSONB_VERSION = 1;

/** Times are counted from the year 2000. */
const EPOCH_MS = Date.UTC(2000, 0, 1);

/**
 * The batch as COPY takes it in its binary format: `event_id uuid, ts timestamptz, payload jsonb`. Binary, so that
 * the stored bytes go out as they are: the text format would have every backslash doubled.
 */
export function encodeCopyRows(batch: readonly StoredEvent[]): Buffer {
  return Buffer.concat([
    FILE_HEADER,
    ...batch.flatMap(({ json }) => [rowHead(json), json]),
    FILE_TRAILER,
  ]);
}

/** Everything of a row before the text of its payload. */
function rowHead(json: Buffer): Buffer {
  const { uuid, tsMs } = columnsOf(json);
  const head = Buffer.allocUnsafe(2 + 4 + UUID_BYTES + 4 + TIMESTAMP_BYTES + 4 + 1);
  let at = head.writeInt16BE(FIELDS);
  at = head.writeInt32BE(UUID_BYTES, at);
  at += head.write(uuid.replaceAll('-', ''), at, 'hex');
  if (tsMs === undefined) {
    at = head.writeInt32BE(NULL, at);
  } else {
    at = head.writeInt32BE(TIMESTAMP_BYTES, at);
    at = head.writeBigInt64BE(BigInt(tsMs - EPOCH_MS) * 1000n, at);
  }
  at = head.writeInt32BE(json.length + 1, at);
  at = head.writeUInt8(JSONB_VERSION, at);
  return head.subarray(0, at);
}
