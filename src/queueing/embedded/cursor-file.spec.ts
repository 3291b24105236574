import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CursorFile } from './cursor-file.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-cursors-'));
});

afterEach(() => rm(directory, { recursive: true }));

const cursor = (position: number) => ({
  start: 0,
  position,
  deadLettered: 0,
  purged: 0,
  corrupt: 0,
});

describe('CursorFile', () => {
  it('keeps nothing of a change that could not be written', async () => {
    const queue = join(directory, 'not-there-yet');
    const file = await CursorFile.load(queue);
    await expect(file.save((cursors) => ({ ...cursors, log: cursor(7) }))).rejects.toThrow(
      'ENOENT',
    );
    await mkdir(queue);
    await file.save((cursors) => ({ ...cursors, other: cursor(3) }));
    await file.close();

    expect(file.cursors).toEqual({ other: cursor(3) });
    expect((await CursorFile.load(queue)).cursors).toEqual({ other: cursor(3) });
  });

  it('writes what comes while it writes, all of it', async () => {
    const file = await CursorFile.load(directory);
    await Promise.all(
      ['a', 'b', 'c'].map((sink, index) =>
        file.save((cursors) => ({ ...cursors, [sink]: cursor(index) })),
      ),
    );
    await file.close();
    const expected = { a: cursor(0), b: cursor(1), c: cursor(2) };
    expect((await CursorFile.load(directory)).cursors).toEqual(expected);
  });
});
