import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { followLinks } from './follow-links.js';

let directory: string;
const at = (...names: string[]): string => join(directory, ...names);

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'gotrack-links-')));
});

afterEach(() => rm(directory, { recursive: true }));

describe('followLinks', () => {
  it('leaves what is no link, also when nothing is there', async () => {
    await writeFile(at('file'), '');
    expect(await followLinks(at('file'))).toBe(at('file'));
    expect(await followLinks(at('nothing', 'file'))).toBe(at('nothing', 'file'));
  });

  it('follows one link after the other, relative and absolute, to a file that need not exist', async () => {
    await symlink('b', at('a'));
    await symlink(at('c'), at('b'));
    expect(await followLinks(at('a'))).toBe(at('c'));
  });

  it('leads where the system leads when a directory on the way is a link', async () => {
    await mkdir(at('real', 'deep'), { recursive: true });
    await symlink(at('real', 'deep'), at('linked'));
    await symlink('../file', at('real', 'deep', 'link'));
    await writeFile(at('real', 'file'), '');
    expect(await realpath(await followLinks(at('linked', 'link')))).toBe(at('real', 'file'));
  });

  it('leaves links that lead to each other', async () => {
    await symlink(at('b'), at('a'));
    await symlink(at('a'), at('b'));
    expect(await followLinks(at('a'))).toBe(at('a'));
  });
});
