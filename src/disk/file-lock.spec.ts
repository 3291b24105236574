import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileLock, LockHeldError } from './file-lock.js';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-lock-'));
  path = join(directory, 'a.lock');
});

afterEach(() => rm(directory, { recursive: true }));

describe('FileLock', () => {
  it('is held by one at a time, and writes nothing', async () => {
    const lock = FileLock.take(path);
    expect(() => FileLock.take(path)).toThrow(LockHeldError);

    lock.release();

    FileLock.take(path).release();
    expect((await stat(path)).size).toBe(0);
  });

  it('is held against other processes, and free once its process was killed', async () => {
    const module = join(import.meta.dirname, 'file-lock.ts');
    const code = `const { FileLock } = await import(${JSON.stringify(module)});
      const lock = FileLock.take(process.argv[1]); console.log('held'); setInterval(() => lock, 1e6);`;
    const loader = join(import.meta.dirname, '../../test/support/typescript-loader.mjs');
    const holder = spawn(
      process.execPath,
      ['--import', loader, '--input-type=module', '--eval', code, path],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(holder.stdout, 'data');
    expect(() => FileLock.take(path)).toThrow(LockHeldError);

    holder.kill('SIGKILL');
    await once(holder, 'close');

    FileLock.take(path).release();
  });

  it('takes a file with something else in it', async () => {
    await writeFile(path, 'no database'.repeat(100));

    FileLock.take(path).release();

    expect((await stat(path)).size).toBe(0);
  });

  it('says what else is wrong', () => {
    expect(() => FileLock.take(join(directory, 'missing', 'a.lock'))).not.toThrow(LockHeldError);
    expect(() => FileLock.take(join(directory, 'missing', 'a.lock'))).toThrow('unable to open');
  });
});
