import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DailySalt } from './daily-salt.js';

const DAY_MS = 86_400_000;
const noon = Date.UTC(2026, 10, 23, 12);

let directory: string;
let file: string;
let now: number;
const opened: DailySalt[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-salt-'));
  file = join(directory, 'visitor-salt');
  now = noon;
});

afterEach(async () => {
  opened.splice(0).forEach((salt) => salt.onModuleDestroy());
  vi.useRealTimers();
  await rm(directory, { recursive: true });
});

async function open(): Promise<DailySalt> {
  const salt = new DailySalt(() => now);
  opened.push(salt);
  await salt.open(directory);
  return salt;
}

const stored = (): Promise<string> => readFile(file, 'latin1');
const lineOf = (day: string, salt: string): string => `${day} ${salt}\n`;

describe('DailySalt', () => {
  it('is random, and on the disk for its day, where its user alone may read it', async () => {
    const salt = (await open()).current.toString('hex');
    expect(salt).toMatch(/^[\da-f]{64}$/);
    expect(await stored()).toBe(lineOf('2026-11-23', salt));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('is the same after a restart of the same day', async () => {
    const before = (await open()).current.toString('hex');
    now += DAY_MS / 2 - 1;
    expect((await open()).current.toString('hex')).toBe(before);
  });

  it('is another one once its day is over, and nothing is left of the one before', async () => {
    const salt = await open();
    const { ino } = await stat(file);
    const buffer = salt.current;
    const before = buffer.toString('hex');
    now += DAY_MS / 2;
    const after = salt.current.toString('hex');
    expect(after).not.toBe(before);
    await expect.poll(stored).toBe(lineOf('2026-11-24', after));
    // On the same blocks, and in memory, too.
    expect((await stat(file)).ino).toBe(ino);
    expect(await readdir(directory)).toEqual(['visitor-salt']);
    expect(buffer.every((byte) => byte === 0)).toBe(true);
  });

  it('is destroyed when its day ends without a visitor', async () => {
    vi.useFakeTimers({ now, toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const salt = new DailySalt();
    opened.push(salt);
    await salt.open(directory);
    const before = salt.current.toString('hex');
    const forget = vi.fn<() => void>();
    salt.onDestroyed(forget);
    await vi.advanceTimersByTimeAsync(DAY_MS / 2 - 1000);
    expect(forget).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1000);
    vi.useRealTimers();
    // With all that was made with it.
    expect(forget).toHaveBeenCalled();
    await expect.poll(stored).toMatch(/^2026-11-24 /);
    expect(await stored()).not.toContain(before);
  });

  it('of an earlier day is destroyed by the next start', async () => {
    const before = (await open()).current.toString('hex');
    now += DAY_MS * 3;
    await open();
    expect(await stored()).toMatch(/^2026-11-26 /);
    expect(await stored()).not.toContain(before);
  });

  it('does not outlive its day when the clock goes back', async () => {
    const salt = await open();
    const before = salt.current.toString('hex');
    now -= DAY_MS;
    expect(salt.current.toString('hex')).not.toBe(before);
    await expect.poll(stored).toMatch(/^2026-11-22 /);
    expect(await stored()).not.toContain(before);
  });

  it.each([
    ['damaged', 'nonsense'],
    ['longer than it should be', `${'x'.repeat(500)}\n`],
    ['empty', ''],
  ])('takes the place of a file that is %s', async (_, content) => {
    await writeFile(file, content, { mode: 0o644 });
    const salt = (await open()).current.toString('hex');
    expect(await stored()).toBe(lineOf('2026-11-23', salt));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('serves from memory while the disk fails', async () => {
    await mkdir(file);
    const salt = await open();
    const before = salt.current.toString('hex');
    expect(salt.current.toString('hex')).toBe(before);
  });

  it('leaves none on the disk where nobody needs one', async () => {
    await open();
    await new DailySalt().discard(directory);
    expect(await readdir(directory)).toEqual([]);
    await new DailySalt().discard(directory);
    await new DailySalt().discard(join(directory, 'none'));
  });
});
