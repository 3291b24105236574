import { type FileHandle, open } from 'node:fs/promises';

const NEWLINE = 0x0a;

/** More than one batch, which is the most that is not synced. */
const UNSYNCED_BYTES = 8 * 1024 * 1024;

/**
 * How many of the file's first `size` bytes are whole lines. A power cut may have left the last ones unfinished, and,
 * among what was not synced, zeros in the place of what did not get to the disk. Reads a piece at a time: the file may
 * be larger than memory.
 */
export async function lengthOfWholeLines(
  handle: FileHandle,
  size: number,
  pieceBytes = 65_536,
): Promise<number> {
  const piece = Buffer.allocUnsafe(Math.min(pieceBytes, size));
  let end = await lengthBeforeZeros(handle, size, piece);
  while (end > 0) {
    const start = Math.max(0, end - piece.length);
    const { bytesRead } = await handle.read(piece, 0, end - start, start);
    const newline = piece.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (newline !== -1) {
      return start + newline + 1;
    }
    end = start;
  }
  return 0;
}

async function lengthBeforeZeros(handle: FileHandle, size: number, piece: Buffer): Promise<number> {
  for (let at = Math.max(0, size - UNSYNCED_BYTES); at < size; at += piece.length) {
    const { bytesRead } = await handle.read(piece, 0, Math.min(piece.length, size - at), at);
    const zero = piece.subarray(0, bytesRead).indexOf(0);
    if (zero !== -1) {
      return at + zero;
    }
  }
  return size;
}

/**
 * Cuts what follows the last whole line of a file: what a crash left unfinished.
 * @returns how many bytes were cut
 */
export async function cutTornLine(path: string): Promise<number> {
  const handle = await open(path, 'r+');
  try {
    const { size } = await handle.stat();
    const length = await lengthOfWholeLines(handle, size);
    if (length < size) {
      await handle.truncate(length);
      await handle.datasync();
    }
    return size - length;
  } finally {
    await handle.close();
  }
}
