import { crc32 } from 'node:zlib';
import type { EncodedEvent, StoredEvent } from '../../event/stored-event.js';

/*
 * A block is what one commit wrote:
 *
 *   header   44 bytes, twice: a damaged byte in one copy leaves the other
 *   table    8 bytes an event: its length, its CRC-32
 *   payload  the events' JSON, each followed by a newline
 *
 * Numbers are little-endian. The payload's own CRC proves a whole block in one pass; the table is
 * read when it fails, so that one damaged byte costs one event and not its neighbours.
 */
const MAGIC = Buffer.from('GTB1');
const HEADER_COPY_BYTES = 44;
const TABLE_ENTRY_BYTES = 8;
const NEWLINE = 0x0a;

export const HEADER_BYTES = 2 * HEADER_COPY_BYTES;

export interface BlockHeader {
  /** Position of the first event. */
  readonly position: number;
  readonly count: number;
  /** Wall-clock time of the commit, Unix ms. */
  readonly committedAtMs: number;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
  readonly tableCrc: number;
  /** Size of the whole block, header included. */
  readonly blockBytes: number;
}

export interface DecodedBlock {
  readonly events: readonly StoredEvent[];
  /** Positions of the events whose checksum fails. */
  readonly damaged: readonly number[];
}

/** Bytes that a block of these events takes on disk. */
export function blockBytesOf(count: number, eventBytes: number): number {
  return HEADER_BYTES + count * (TABLE_ENTRY_BYTES + 1) + eventBytes;
}

export function encodeBlock(
  position: number,
  committedAtMs: number,
  events: readonly EncodedEvent[],
): Buffer {
  let eventBytes = 0;
  for (const event of events) {
    eventBytes += event.length;
  }

  const block = Buffer.allocUnsafe(blockBytesOf(events.length, eventBytes));
  const payloadStart = HEADER_BYTES + events.length * TABLE_ENTRY_BYTES;
  let entry = HEADER_BYTES;
  let offset = payloadStart;
  for (const event of events) {
    block.writeUInt32LE(event.length, entry);
    block.writeUInt32LE(crc32(event), entry + 4);
    entry += TABLE_ENTRY_BYTES;
    offset += event.copy(block, offset);
    block[offset++] = NEWLINE;
  }

  const table = block.subarray(HEADER_BYTES, payloadStart);
  const payload = block.subarray(payloadStart);
  const tableCrc = crc32(table);
  const payloadCrc = crc32(payload);
  for (const copy of [0, 1]) {
    const header = block.subarray(copy * HEADER_COPY_BYTES, (copy + 1) * HEADER_COPY_BYTES);
    MAGIC.copy(header);
    header.writeUInt32LE(copy, 8);
    header.writeUInt32LE(events.length, 12);
    header.writeDoubleLE(position, 16);
    header.writeDoubleLE(committedAtMs, 24);
    header.writeUInt32LE(payload.length, 32);
    header.writeUInt32LE(tableCrc, 36);
    header.writeUInt32LE(payloadCrc, 40);
    header.writeUInt32LE(crc32(header.subarray(8)), 4);
  }
  return block;
}

/** The header of the block that begins at `start`, or undefined when neither copy of it is whole. */
export function readHeader(bytes: Buffer, start: number): BlockHeader | undefined {
  return readCopy(bytes, start, 0) ?? readCopy(bytes, start, 1);
}

/**
 * Where the next block with a readable header begins, at `from` or after it, for finding the way
 * again after damage; -1 when there is none in these bytes.
 */
export function findBlock(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(MAGIC, from); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    if (readCopy(bytes, at, 0)) {
      return at;
    }
    const start = at - HEADER_COPY_BYTES;
    if (start >= from && readCopy(bytes, start, 1)) {
      return start;
    }
  }
  return -1;
}

function readCopy(bytes: Buffer, start: number, copy: number): BlockHeader | undefined {
  const at = start + copy * HEADER_COPY_BYTES;
  if (at + HEADER_COPY_BYTES > bytes.length) {
    return undefined;
  }
  const header = bytes.subarray(at, at + HEADER_COPY_BYTES);
  if (
    header.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0 ||
    header.readUInt32LE(4) !== crc32(header.subarray(8)) ||
    header.readUInt32LE(8) !== copy
  ) {
    return undefined;
  }
  const count = header.readUInt32LE(12);
  const payloadBytes = header.readUInt32LE(32);
  return {
    position: header.readDoubleLE(16),
    count,
    committedAtMs: header.readDoubleLE(24),
    payloadBytes,
    tableCrc: header.readUInt32LE(36),
    payloadCrc: header.readUInt32LE(40),
    blockBytes: HEADER_BYTES + count * TABLE_ENTRY_BYTES + payloadBytes,
  };
}

/**
 * How many events a block holds whose header is lost: as many as leave the same number of newlines
 * after their table. Bytes that were never a whole block hold none when there are no newlines in them.
 */
export function countEventsWithoutHeader(block: Buffer): number {
  const newlinesIn = (start: number, end?: number): number =>
    block.subarray(start, end).filter((byte) => byte === NEWLINE).length;
  let newlines = newlinesIn(HEADER_BYTES);
  for (let count = 0; ; count += 1) {
    const entry = HEADER_BYTES + count * TABLE_ENTRY_BYTES;
    newlines -= newlinesIn(entry, entry + TABLE_ENTRY_BYTES);
    if (newlines <= count) {
      return count;
    }
  }
}

/** @param body the block's bytes after its header; fewer than it says when they are cut */
export function decodeBody(header: BlockHeader, body: Buffer): DecodedBlock {
  const tableBytes = header.count * TABLE_ENTRY_BYTES;
  const table = body.subarray(0, tableBytes);
  const payload = body.subarray(tableBytes);
  const tableIsWhole = crc32(table) === header.tableCrc;
  if (crc32(payload) === header.payloadCrc) {
    const lengths = tableIsWhole ? lengthsInTable(table) : lengthsOfLines(payload);
    return cut(header, payload, lengths, () => true);
  }
  if (!tableIsWhole) {
    return {
      events: [],
      damaged: Array.from({ length: header.count }, (_, i) => header.position + i),
    };
  }
  return cut(
    header,
    payload,
    lengthsInTable(table),
    (json, index) => crc32(json) === table.readUInt32LE(index * TABLE_ENTRY_BYTES + 4),
  );
}

function* lengthsInTable(table: Buffer): Generator<number> {
  for (let at = 0; at < table.length; at += TABLE_ENTRY_BYTES) {
    yield table.readUInt32LE(at);
  }
}

function* lengthsOfLines(payload: Buffer): Generator<number> {
  for (let start = 0; start < payload.length;) {
    const end = payload.indexOf(NEWLINE, start);
    if (end === -1) {
      return;
    }
    yield end - start;
    start = end + 1;
  }
}

function cut(
  header: BlockHeader,
  payload: Buffer,
  lengths: Iterable<number>,
  isWhole: (json: Buffer, index: number) => boolean,
): DecodedBlock {
  const events: StoredEvent[] = [];
  const damaged: number[] = [];
  let index = 0;
  let start = 0;
  for (const length of lengths) {
    const position = header.position + index;
    const json = payload.subarray(start, start + length);
    if (isWhole(json, index)) {
      events.push({ position, json });
    } else {
      damaged.push(position);
    }
    start += length + 1;
    index += 1;
  }
  return { events, damaged };
}
