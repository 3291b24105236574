import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { followFile, stampOf } from './follow-file.js';

let path: string;

beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-follow-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  path = join(directory, 'file');
  await writeFile(path, '1');
});

describe('followFile', () => {
  it('takes what is there first, unless it is in use already', async () => {
    const taken: string[] = [];
    const take = (name: string) => () => Promise.resolve(void taken.push(name));
    onTestFinished(followFile(path, await stampOf(path), take('in use')));
    onTestFinished(followFile(path, undefined, take('unknown')));
    await expect.poll(() => taken).toEqual(['unknown']);
    await writeFile(`${path}.new`, '1');
    await rename(`${path}.new`, path);
    await expect.poll(() => taken.toSorted()).toEqual(['in use', 'unknown', 'unknown']);
  });

  it('asks again at the next look, once a file could not be taken, until it could', async () => {
    let asked = 0;
    const stop = followFile(path, undefined, () => {
      asked += 1;
      return asked < 3 ? Promise.reject(new Error('its disk hangs')) : Promise.resolve();
    });
    onTestFinished(stop);
    await expect.poll(() => asked).toBe(3);
    await writeFile(path, '22');
    await expect.poll(() => asked).toBe(4);
  });

  it('takes nothing after its end', async () => {
    const taken: string[] = [];
    const take = (name: string) => () => Promise.resolve(void taken.push(name));
    followFile(path, undefined, take('ended'))();
    onTestFinished(followFile(path, undefined, take('other')));
    await expect.poll(() => taken).toEqual(['other']);
  });
});
