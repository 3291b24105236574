import { type FileHandle, open } from 'node:fs/promises';

const NEWLINE = 0x0a;

/**
 * How many of the file's first `size` bytes are whole lines. Reads backwards, a piece at a time: the
 * file may be larger than memory.
 */
export async function lengthOfWholeLines(
  handle: FileHandle,
  size: number,
  pieceBytes = 65_536,
): Promise<number> {
  const piece = Buffer.allocUnsafe(Math.min(pieceBytes, size));
  let end = size;
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

/**
 * Cuts what follows the last newline of a file: a line that a crash left unfinished.
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
