import { execFileSync } from 'node:child_process';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { callsHang } from './hanging-calls.js';

it.each([
  ['readFile', (path: string) => readFile(path)],
  ['open', async (path: string) => (await open(path)).close()],
])('%s that does not return is known until it does', async (_name, call) => {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-hang-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const done = call(pipe);
  expect(await callsHang(100)).toBe(true);
  // Its reader is let go.
  await (await open(pipe, 'w')).close();
  await done;
  expect(await callsHang(10_000)).toBe(false);
});
