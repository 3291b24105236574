import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canMount, withSmallFileSystem } from '../../../test/support/disk/mounts.js';
import { RecordingObserver } from '../../../test/support/fakes/recording-observer.js';
import { EmbeddedQueue } from './embedded-queue.js';

const MIB = 1024 * 1024;

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-directory-'));
});

afterEach(() => rm(directory, { recursive: true }));

async function openAndClose(path: string): Promise<void> {
  const queue = await EmbeddedQueue.open(
    { directory: path, maxBytes: 64 * MIB, sinks: ['log'] },
    new RecordingObserver(),
  );
  await queue.close();
}

async function idAfterStart(path: string): Promise<string> {
  await openAndClose(path);
  return readFile(join(path, 'id'), 'utf8');
}

describe('the id of a queue directory', () => {
  it('is random, and stays', async () => {
    const first = await idAfterStart(join(directory, 'a'));
    expect(first).toMatch(/^[0-9a-f]{32}\n$/);
    expect(await idAfterStart(join(directory, 'a'))).toBe(first);
    expect(await idAfterStart(join(directory, 'b'))).not.toBe(first);
  });

  it.each([
    ['missing, as an earlier version left it', (path: string) => rm(path)],
    ['damaged', (path: string) => writeFile(path, Buffer.alloc(33, 0xff))],
  ])('is made again when it is %s', async (_, lose) => {
    await openAndClose(directory);
    await lose(join(directory, 'id'));
    const made = await idAfterStart(directory);
    expect(made).toMatch(/^[0-9a-f]{32}\n$/);
    expect(await idAfterStart(directory)).toBe(made);
  });

  it.skipIf(!canMount())('is made by a later start when the disk was full', async () => {
    const mountPoint = join(directory, 'small');
    await withSmallFileSystem(mountPoint, async () => {
      const path = join(mountPoint, 'queue');
      await openAndClose(path);
      await rm(join(path, 'id'));
      const other = join(mountPoint, 'other');
      await expect(appendFile(other, Buffer.alloc(MIB))).rejects.toThrow('ENOSPC');
      await openAndClose(path);
      await expect(readFile(join(path, 'id'))).rejects.toThrow('ENOENT');

      await rm(other);
      expect(await idAfterStart(path)).toMatch(/^[0-9a-f]{32}\n$/);
    });
  });
});
