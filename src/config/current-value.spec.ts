import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { currentValue } from './current-value.js';
import { readOptions } from './read-options.js';
import { integer } from './parsers.js';
import { Setting, InvalidValueError } from './setting.js';

class SampleOptions {
  static readonly key = 'sample';

  @Setting('PIN', integer, { doc: 'A number nobody may know.', secret: true })
  readonly pin: number | undefined = undefined;
}

async function secretFile(content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-secret-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'pin');
  await writeFile(path, content);
  return path;
}

function read(name: string, text: string): SampleOptions {
  return readOptions(SampleOptions, new Map([[name, { text, source: 'environment' }]]), '.')
    .options;
}

describe('currentValue', () => {
  it('is what the file of a secret holds by then', async () => {
    const path = await secretFile('1234\n');
    const options = read('PIN_FILE', path);
    expect(await currentValue(options, 'pin')).toBe(1234);

    await writeFile(path, '5678\n');

    expect(await currentValue(options, 'pin')).toBe(5678);
    expect(options.pin).toBe(1234);
  });

  it('is the value itself when it came from no file', async () => {
    expect(await currentValue(read('PIN', '1234'), 'pin')).toBe(1234);
    expect(await currentValue(new SampleOptions(), 'pin')).toBeUndefined();
  });

  it('says why it cannot be read, without the value or the path', async () => {
    const path = await secretFile('1234');
    const options = read('PIN_FILE', path);

    await writeFile(path, 'hunter2');
    await expect(currentValue(options, 'pin')).rejects.toThrow(
      new InvalidValueError('PIN_FILE must be a whole number'),
    );

    await rm(path);
    await expect(currentValue(options, 'pin')).rejects.toThrow(
      new InvalidValueError(
        'PIN_FILE names a file that cannot be read: it does not exist (ENOENT)',
      ),
    );
  });
});
