import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { followValue } from './follow-value.js';
import { integer } from './parsers.js';
import { readOptions } from './read-options.js';
import { Setting } from './setting.js';

class SampleOptions {
  static readonly key = 'sample';

  @Setting('PIN', integer, { doc: 'A number nobody may know.', secret: true })
  readonly pin: number | undefined = undefined;
}

let path: string;

beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-secret-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  path = join(directory, 'pin');
  await writeFile(path, '1\n');
});

function follow(name: string, text: string) {
  const { options } = readOptions(
    SampleOptions,
    new Map([[name, { text, source: 'environment' }]]),
    '.',
  );
  const seen: unknown[] = [];
  const stop = followValue(options, 'pin', {
    changed: (value) => void seen.push(value),
    failed: (reason) => void seen.push(reason),
  });
  onTestFinished(stop);
  return { seen, stop };
}

describe('followValue', () => {
  it('tells each value that a file gets, written or renamed', async () => {
    const { seen } = follow('PIN_FILE', path);
    await writeFile(path, '2\n');
    await expect.poll(() => seen).toEqual([2]);
    await writeFile(`${path}.new`, '3');
    await rename(`${path}.new`, path);
    await expect.poll(() => seen).toEqual([2, 3]);
  });

  it('says once that a file cannot be used, without what it holds, and takes the next', async () => {
    const { seen } = follow('PIN_FILE', path);
    await writeFile(path, 'hunter2');
    await expect.poll(() => seen).toEqual(['PIN_FILE must be a whole number']);
    await rm(path);
    await expect.poll(() => seen.length).toBe(2);
    await writeFile(path, '4');
    await expect.poll(() => seen[2]).toBe(4);
  });

  it('says nothing of the same value in another file, nor after its end', async () => {
    const { seen, stop } = follow('PIN_FILE', path);
    const other = follow('PIN_FILE', path);
    await writeFile(path, '1');
    stop();
    await writeFile(path, '5');
    await expect.poll(() => other.seen).toEqual([5]);
    expect(seen).toEqual([]);
  });

  it('does nothing for a value that came from no file', () => {
    expect(follow('PIN', '1').seen).toEqual([]);
  });
});
