import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClientAssets } from './client-assets.js';

let directory: string;
let warned: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-assets-'));
  warned = [];
  vi.spyOn(Logger.prototype, 'warn').mockImplementation((text: string) => void warned.push(text));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true });
});

describe('ClientAssets', () => {
  it('serves what a build has made, and says once what it lacks', async () => {
    const files = pathToFileURL(`${directory}/`);
    await writeFile(join(directory, 'pixel.js'), 'one');
    await writeFile(join(directory, 'pixel.lite.js'), 'one');
    const assets = await ClientAssets.load(files);
    const { hash } = assets.find('/pixel.js') ?? {};
    expect(hash).toMatch(/^[\da-f]{16}$/);
    expect(assets.find('/pixel.lite.js')?.hash).toBe(hash);
    expect(assets.find('/pixel.umd.js')).toBeUndefined();
    expect(warned).toHaveLength(1);
    expect(warned[0]).toMatch(/`npm run build` makes pixel\.umd\.js \(ENOENT\), /);

    await writeFile(join(directory, 'pixel.js'), 'two');
    expect((await ClientAssets.load(files)).find('/pixel.js')?.hash).not.toBe(hash);
  });

  it('serves nothing where nothing was built', async () => {
    const nowhere = pathToFileURL(`${join(directory, 'assets')}/`);
    expect((await ClientAssets.load(nowhere)).find('/pixel.js')).toBeUndefined();
    expect(warned).toHaveLength(1);
  });
});
