import { randomFillSync } from 'node:crypto';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const MAX_COUNTER = 0xfff;
const RANDOM_BYTES = 10;

/** Asking for random bytes one UUID at a time would cost more than all the rest. */
const pool = new Uint8Array(RANDOM_BYTES * 512);
let poolOffset = pool.length;

let lastMs = 0;
let counter = 0;

/**
 * A UUID of version 7 (RFC 9562, section 5.7), greater than every one before it from this process. The
 * 12 bits after the time are a counter (section 6.2, method 1) that starts below its middle in each
 * millisecond; when it is used up, or the clock was set back, the time in the UUID runs ahead.
 * @param nowMs since the epoch
 */
export function uuidv7(nowMs: number): string {
  if (poolOffset === pool.length) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const at = poolOffset;
  poolOffset += RANDOM_BYTES;

  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = ((byteAt(at + 8) & 0x07) << 8) | byteAt(at + 9);
  } else if (counter < MAX_COUNTER) {
    counter += 1;
  } else {
    lastMs += 1;
    counter = 0;
  }

  const high = Math.floor(lastMs / 0x1_0000);
  return (
    hex(high >>> 24) +
    hex((high >>> 16) & 0xff) +
    hex((high >>> 8) & 0xff) +
    hex(high & 0xff) +
    '-' +
    hex((lastMs >>> 8) & 0xff) +
    hex(lastMs & 0xff) +
    '-' +
    hex(0x70 | (counter >>> 8)) +
    hex(counter & 0xff) +
    '-' +
    hex(0x80 | (byteAt(at) & 0x3f)) +
    hex(byteAt(at + 1)) +
    '-' +
    hex(byteAt(at + 2)) +
    hex(byteAt(at + 3)) +
    hex(byteAt(at + 4)) +
    hex(byteAt(at + 5)) +
    hex(byteAt(at + 6)) +
    hex(byteAt(at + 7))
  );
}

function hex(byte: number): string {
  return HEX[byte] as string;
}

function byteAt(index: number): number {
  return pool[index] as number;
}
