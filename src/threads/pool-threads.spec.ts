import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { countPoolThreads, isPoolThreadBlocked } from './pool-threads.js';

describe.skipIf(!existsSync('/proc/self/task'))('the threads of the pool', () => {
  it('are counted', async () => {
    await readFile('/proc/self/comm');
    expect(countPoolThreads()).toBeGreaterThan(0);
  });

  it.each([
    ['readFile', (path: string) => readFile(path)],
    ['open', async (path: string) => (await open(path)).close()],
  ])('show a call of %s that does not return, until it does', async (_name, call) => {
    const directory = await mkdtemp(join(tmpdir(), 'gotrack-hang-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const done = call(pipe);
    await expect.poll(isPoolThreadBlocked).toBe(true);
    // Its reader is let go.
    await (await open(pipe, 'w')).close();
    await done;
    await expect.poll(isPoolThreadBlocked).toBe(false);
  });
});
