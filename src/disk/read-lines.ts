import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

const NEWLINE = 0x0a;

export interface Line {
  readonly bytes: Buffer;
  /** Offset of its first byte. */
  readonly start: number;
  /** Offset after its newline. */
  readonly end: number;
}

/**
 * The whole lines that begin at `from`: about `bytes` of them, at least one; none at the end of the file.
 * The last line of a file may lack its newline.
 */
export async function readLines(handle: FileHandle, from: number, bytes: number): Promise<Line[]> {
  const piece = Buffer.allocUnsafe(bytes);
  const { bytesRead } = await handle.read(piece, 0, bytes, from);
  const isWhole = bytesRead < bytes;
  const end = isWhole ? bytesRead : piece.lastIndexOf(NEWLINE) + 1;
  if (end === 0 && !isWhole) {
    return readLines(handle, from, bytes * 2);
  }
  const lines: Line[] = [];
  for (let start = 0; start < end;) {
    const newline = piece.subarray(0, end).indexOf(NEWLINE, start);
    const next = newline === -1 ? end : newline + 1;
    lines.push({
      bytes: piece.subarray(start, newline === -1 ? end : newline),
      start: from + start,
      end: from + next,
    });
    start = next;
  }
  return lines;
}

/** The last lines of a file of `size` bytes: about `bytes` of them, at least one; none when it is empty. */
export async function readLastLines(
  handle: FileHandle,
  size: number,
  bytes: number,
): Promise<Line[]> {
  const from = Math.max(0, size - bytes);
  const lines = await readLines(handle, from, size - from + 1);
  // The first may have been cut in two.
  const whole = from === 0 ? lines : lines.slice(1);
  return whole.length === 0 && from > 0 ? readLastLines(handle, size, bytes * 2) : whole;
}

/** How many lines of the file are whole. */
export async function countLines(path: string): Promise<number> {
  let count = 0;
  for await (const piece of createReadStream(path)) {
    for (const byte of piece as Buffer) {
      count += byte === NEWLINE ? 1 : 0;
    }
  }
  return count;
}
