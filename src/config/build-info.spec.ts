import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readBuildInfo, readRevision } from './build-info.js';

const directory = mkdtempSync(join(tmpdir(), 'build-info-'));

afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe('readBuildInfo', () => {
  it('takes the version of package.json', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(readBuildInfo().version).toBe(version);
  });
});

describe('readRevision', () => {
  it('takes what the build has written', () => {
    const file = join(directory, 'revision.txt');
    writeFileSync(file, '4f3c2b1\n');
    expect(readRevision(pathToFileURL(file))).toBe('4f3c2b1');
  });

  it.each(['absent.txt', 'empty.txt'])('says so when the build has not: %s', (name) => {
    writeFileSync(join(directory, 'empty.txt'), '\n');
    expect(readRevision(pathToFileURL(join(directory, name)))).toBe('unknown');
  });
});
