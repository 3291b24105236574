import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { lengthOfWholeLines } from './torn-line.js';

async function lengthIn(content: string, pieceBytes?: number): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-torn-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'file');
  await writeFile(path, content);
  const handle = await open(path);
  try {
    return await lengthOfWholeLines(handle, Buffer.byteLength(content), pieceBytes);
  } finally {
    await handle.close();
  }
}

describe('lengthOfWholeLines', () => {
  it.each([
    ['', 0],
    ['\n', 1],
    ['torn', 0],
    ['whole\n', 6],
    ['whole\ntorn', 6],
    ['ż\n{"torn":"ż', 3],
    ['whole\nhol\0\0\nbehind\n', 6],
    ['\0\0\nbehind\n', 0],
  ])('of %j is %i', async (content, length) => {
    expect(await lengthIn(content)).toBe(length);
  });

  it.each([1, 2, 3, 4, 5, 6, 7])('is the same when read %i bytes at a time', async (pieceBytes) => {
    expect(await lengthIn('one\ntwo\ntorn', pieceBytes)).toBe(8);
    expect(await lengthIn('one\ntwo\n', pieceBytes)).toBe(8);
    expect(await lengthIn('torn only', pieceBytes)).toBe(0);
    expect(await lengthIn('one\ntwo\n\0\0\nfour\n', pieceBytes)).toBe(8);
  });

  it('finds the end of the lines before a torn one of many pieces', async () => {
    expect(await lengthIn(`whole\n${'x'.repeat(300_000)}`)).toBe(6);
  });
});
