import { open } from 'node:fs/promises';

const NEWLINE = 0x0a;
const PIECE_BYTES = 64 * 1024;

/**
 * Cuts what follows the last newline of a file: a line that a crash left unfinished.
 * @returns how many bytes were cut
 */
export async function cutTornLine(path: string): Promise<number> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    let end = size;
    while (end > 0) {
      const start = Math.max(0, end - PIECE_BYTES);
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(end - start),
        0,
        end - start,
        start,
      );
      const newline = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE);
      if (newline !== -1) {
        end = start + newline + 1;
        break;
      }
      end = start;
    }
    if (end < size) {
      await file.truncate(end);
      await file.datasync();
    }
    return size - end;
  } finally {
    await file.close();
  }
}
