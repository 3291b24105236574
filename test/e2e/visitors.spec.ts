import { createHmac } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { filesHolding } from '../support/disk/files-holding.js';
import { type Collector, Workplace } from '../support/servers/collector.js';

const SHIFTED_CLOCK = pathToFileURL('test/support/shifted-clock.mjs').href;
const DAY_MS = 86_400_000;

let workplace: Workplace;
/** Milliseconds that the program's clock is ahead. */
let shift: (ms: number) => Promise<void>;

beforeEach(async () => {
  workplace = await Workplace.create();
  shift = (ms) => writeFile(workplace.path('clock'), String(ms));
  // The day must not end by itself under the test.
  await shift(DAY_MS / 2 - (Date.now() % DAY_MS) + DAY_MS);
});

afterEach(() => workplace.remove());

const start = (environment: Record<string, string>): Promise<Collector> =>
  workplace.start({
    NODE_OPTIONS: `--import=${SHIFTED_CLOCK}`,
    CLOCK_SHIFT_FILE: workplace.path('clock'),
    TRUST_PROXY: '127.0.0.1',
    ...environment,
  });

async function view(collector: Collector, headers: Record<string, string> = {}): Promise<void> {
  const response = await fetch(`${collector.url}/px.gif`, {
    headers: { 'X-Forwarded-For': '192.0.2.9', ...headers },
  });
  await response.arrayBuffer();
  expect(response.status).toBe(200);
}

async function hashes(collector: Collector): Promise<(string | undefined)[]> {
  await collector.drained();
  return (await workplace.logged()).map(
    ({ server }) => (server as { visitor_hash?: string } | undefined)?.visitor_hash,
  );
}

/** What somebody finds who reads every file and knows visitor, day and HASH_SECRET. */
async function keysThatGive(hash: string | undefined): Promise<string[]> {
  const visitor = ['192.0.2.9', 'node', ''].join('\n');
  const nowMs = Date.now() + (await shiftedBy());
  const [today, yesterday] = [nowMs, nowMs - DAY_MS].map((ms) =>
    new Date(ms).toISOString().slice(0, 10),
  );
  const names = await readdir(workplace.directory, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(
    names
      .filter((entry) => entry.isFile())
      .map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')),
  );
  const found = texts.flatMap((text) => text.match(/[\da-f]{64}/g) ?? []);
  return [...new Set([...found, 'pepper'])].filter((text) =>
    [text, Buffer.from(text, 'hex')]
      .flatMap((key) => [
        key,
        hmacOf(key, `visitor-hash:${today}`),
        hmacOf(key, `visitor-hash:${yesterday}`),
      ])
      .some((key) => hmacOf(key, visitor).toString('hex') === hash),
  );
}

function hmacOf(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

const shiftedBy = async (): Promise<number> =>
  Number(await readFile(workplace.path('clock'), 'utf8'));

describe('VISITOR_HASH=true', () => {
  const environment = { VISITOR_HASH: 'true', HASH_SECRET: 'pepper' };
  const file = (): string => workplace.path('data/queue/visitor-salt');
  const salt = async (): Promise<string> =>
    (await readFile(file(), 'utf8')).trim().split(' ')[1] ?? '';

  it('gives a visitor one hash for a day, also after a restart', async () => {
    const first = await start(environment);
    await view(first);
    await view(first, { 'User-Agent': 'Mozilla/5.0 another' });
    await view(first, { DNT: '1' });
    await first.stop();
    const second = await start(environment);
    await view(second);
    const [one, other, asked, again] = await hashes(second);
    expect(one).toMatch(/^[\da-f]{64}$/);
    expect(other).not.toBe(one);
    expect(asked).toBeUndefined();
    expect(again).toBe(one);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['without HASH_SECRET', { VISITOR_HASH: 'true' }],
    ['with HASH_SECRET set', environment],
  ])(
    'leaves nothing on the disk, after the day, from which a hash can be computed, %s',
    async (_, settings) => {
      const collector = await start(settings);
      await view(collector);
      const before = await salt();
      const [hash] = await hashes(collector);
      expect(await keysThatGive(hash)).toEqual([before]);
      expect((await filesHolding(workplace.directory, [before])).holding).toEqual([file()]);

      await shift((await shiftedBy()) + DAY_MS / 2);
      await view(collector);
      await expect.poll(salt).not.toBe(before);
      await collector.stop();
      const texts = [before, Buffer.from(before, 'hex')];
      expect((await filesHolding(workplace.directory, texts)).holding).toEqual([]);
      const [one, next] = await hashes(await start(settings));
      expect(next).not.toBe(one);
      expect(await keysThatGive(one)).toEqual([]);
      expect(await keysThatGive(next)).toHaveLength(1);
    },
  );

  it.each([['true'], ['false'], ['shared']])(
    'destroys the salt of a day that ended while nothing ran, at the next start (with %s)',
    async (mode) => {
      const first = await start(environment);
      const before = await salt();
      await first.kill();
      await shift((await shiftedBy()) + DAY_MS);
      const second = await start({ ...environment, VISITOR_HASH: mode });
      expect((await filesHolding(workplace.directory, [before])).holding).toEqual([]);
      await second.stop();
    },
  );
});

describe('VISITOR_HASH=shared', () => {
  it('gives a visitor the same hash on every instance with the secret', async () => {
    const environment = { VISITOR_HASH: 'shared', HASH_SECRET: 'pepper' };
    const one = await start({ ...environment, QUEUE_PATH: './one', DEAD_LETTER_PATH: './d1' });
    await view(one);
    await one.stop();
    const other = await start({ ...environment, QUEUE_PATH: './two', DEAD_LETTER_PATH: './d2' });
    await view(other);
    const [first, second] = await hashes(other);
    expect(first).toMatch(/^[\da-f]{64}$/);
    expect(second).toBe(first);
    // It can be computed by who holds the secret, and from no file.
    expect(await keysThatGive(first)).toEqual(['pepper']);
  });

  it('does not start without the secret', async () => {
    const { exitCode, stderr } = await workplace.run(['serve'], { VISITOR_HASH: 'shared' });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('VISITOR_HASH: is shared, and needs HASH_SECRET');
  });
});
