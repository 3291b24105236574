import { mkdtemp, readdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canMount, withSmallFileSystem } from '../../../test/support/disk/mounts.js';
import { encode } from '../../event/encode.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import { RejectedRing } from './rejected-ring.js';
import { rejectedLine } from './rejections.js';

const MIB = 1024 * 1024;

let root: string;
let directory: string;
let path: string;
let discarded: number;
let logged: string[];

const observer = {
  rejectedDiscarded: (count: number) => {
    discarded += count;
  },
} as PipelineObserver;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rejected-ring-'));
  directory = join(root, 'dead-letters');
  path = join(directory, 'rejected.ndjson');
  discarded = 0;
  logged = [];
  const write = (message: string): void => {
    logged.push(message);
  };
  Logger.overrideLogger({ log: write, warn: write, error: write });
});

afterEach(async () => {
  Logger.overrideLogger(false);
  await rm(root, { recursive: true });
});

function rejection(event: Record<string, unknown> | undefined): Buffer {
  return rejectedLine({
    reason: 'schema',
    errors: ['type: must be a string', 'ts: must be a string'],
    event: event && encode(event),
  });
}

/** A line of it takes 1,000 bytes, give or take the digits of `n`. */
function kilobyte(n: number): Buffer {
  return rejection({ n, fill: 'x'.repeat(850) });
}

async function lines(): Promise<{ event: { n: number } }[]> {
  const text = await readFile(path, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: { n: number } });
}

describe('RejectedRing', () => {
  it('keeps a rejected event as a line beside the dead letters', async () => {
    const ring = new RejectedRing(directory, MIB, observer);
    ring.keep([rejection({ type: 7 })]);
    await ring.flush();
    expect(await lines()).toEqual([
      {
        failed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        sink: 'rejected',
        reason: 'schema',
        error: 'type: must be a string; ts: must be a string',
        event: { type: 7 },
      },
    ]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  it('keeps the reason alone of what cannot be kept as an event', async () => {
    const ring = new RejectedRing(directory, MIB, observer);
    ring.keep([rejection(undefined)]);
    await ring.flush();
    expect(await lines()).toMatchObject([{ sink: 'rejected', event: null }]);
  });

  it('keeps the order, over restarts too', async () => {
    for (const start of [0, 100]) {
      const ring = new RejectedRing(directory, MIB, observer);
      for (let n = start; n < start + 100; n += 1) {
        ring.keep([kilobyte(n)]);
      }
      await ring.flush();
    }
    expect((await lines()).map(({ event }) => event.n)).toEqual(
      Array.from({ length: 200 }, (_, n) => n),
    );
  });

  it('discards the oldest at its bound and counts them', async () => {
    const ring = new RejectedRing(directory, 10_000, observer);
    for (let n = 0; n < 100; n += 1) {
      ring.keep([kilobyte(n)]);
      await ring.flush();
      expect((await stat(path)).size).toBeLessThanOrEqual(10_000);
    }
    const kept = (await lines()).map(({ event }) => event.n);
    expect(kept).toEqual(Array.from(kept, (_, index) => 100 - kept.length + index));
    expect(kept.length).toBeGreaterThanOrEqual(4);
    expect(discarded).toBe(100 - kept.length);
    expect(await readdir(directory)).toEqual(['rejected.ndjson']);
  });

  it('discards whole lines when they are longer than a piece that it copies', async () => {
    const ring = new RejectedRing(directory, 4 * MIB, observer);
    for (let n = 0; n < 20; n += 1) {
      ring.keep([rejection({ n, fill: 'x'.repeat(700_000) })]);
      await ring.flush();
    }
    const kept = (await lines()).map(({ event }) => event.n);
    expect(kept.at(-1)).toBe(19);
    expect(kept.length + discarded).toBe(20);
  });

  it('takes up a file that is far over a lowered bound', async () => {
    const before = new RejectedRing(directory, MIB, observer);
    before.keep(Array.from({ length: 200 }, (_, n) => kilobyte(n)));
    await before.flush();
    const ring = new RejectedRing(directory, 10_000, observer);
    ring.keep([kilobyte(200)]);
    await ring.flush();
    expect((await stat(path)).size).toBeLessThanOrEqual(10_000);
    const kept = (await lines()).map(({ event }) => event.n);
    expect(kept.at(-1)).toBe(200);
    expect(kept.length + discarded).toBe(201);
  });

  it('cuts a line that a crash left unfinished', async () => {
    const before = new RejectedRing(directory, MIB, observer);
    before.keep([kilobyte(0)]);
    await before.flush();
    await writeFile(path, '{"failed_at":"20', { flag: 'a' });
    const ring = new RejectedRing(directory, MIB, observer);
    ring.keep([kilobyte(1)]);
    await ring.flush();
    expect((await lines()).map(({ event }) => event.n)).toEqual([0, 1]);
  });

  it('discards what would not fit after the newer half', async () => {
    const ring = new RejectedRing(directory, 1000, observer);
    ring.keep([kilobyte(0), rejection({ n: 1 })]);
    await ring.flush();
    expect((await lines()).map(({ event }) => event.n)).toEqual([1]);
    expect(discarded).toBe(1);
  });

  it('discards what the disk is too slow for', async () => {
    const ring = new RejectedRing(directory, 64 * MIB, observer);
    const megabyte = rejection({ n: 0, fill: 'x'.repeat(MIB) });
    ring.keep(Array.from({ length: 20 }, () => megabyte));
    await ring.flush();
    expect(await lines()).toHaveLength(7);
    expect(discarded).toBe(13);
    ring.keep([megabyte]);
    await ring.flush();
    expect(await lines()).toHaveLength(8);
  });

  it('counts what the disk does not take, says so once, and resumes when it does', async () => {
    await writeFile(directory, 'a file where the directory should be');
    const ring = new RejectedRing(directory, MIB, observer);
    for (const n of [0, 1, 2]) {
      ring.keep([kilobyte(n)]);
      await ring.flush();
    }
    expect(discarded).toBe(3);
    expect(logged).toEqual([expect.stringMatching(/DEAD_LETTER_PATH.*(EEXIST|ENOTDIR)/)]);
    await rm(directory);
    ring.keep([kilobyte(3)]);
    await ring.flush();
    expect((await lines()).map(({ event }) => event.n)).toEqual([3]);
    expect(logged).toHaveLength(2);
  });

  it.skipIf(!canMount())('takes nothing of a full disk that others may need', async () => {
    await withSmallFileSystem(directory, async () => {
      const ring = new RejectedRing(directory, 220_000, observer);
      const others = join(directory, 'others');
      for (let n = 0; n < 200; n += 1) {
        ring.keep([kilobyte(n)]);
      }
      await ring.flush();
      const spaceFor = async (bytes: number): Promise<void> => {
        await rm(others, { force: true });
        const { bavail, bsize } = await statfs(directory);
        await writeFile(others, Buffer.alloc(bavail * bsize - bytes));
      };
      const available = async (): Promise<number> => {
        const { bavail, bsize } = await statfs(directory);
        return bavail * bsize;
      };

      // Too little for more lines, then for the newer half of the file.
      for (const [bytes, more] of [
        [8192, 12],
        [40_960, 100],
      ] as const) {
        await spaceFor(bytes);
        const before = discarded;
        ring.keep(Array.from({ length: more }, (_, n) => kilobyte(200 + n)));
        await ring.flush();
        expect(discarded - before).toBe(more);
        expect(await available()).toBe(bytes);
        expect((await lines()).map(({ event }) => event.n)).toEqual(
          Array.from({ length: 200 }, (_, n) => n),
        );
      }

      await rm(others);
      ring.keep([kilobyte(200)]);
      await ring.flush();
      expect((await lines()).at(-1)?.event.n).toBe(200);
    });
  });

  it('keeps working when its file was taken away', async () => {
    const ring = new RejectedRing(directory, MIB, observer);
    ring.keep([kilobyte(0)]);
    await ring.flush();
    await rm(path);
    ring.keep([kilobyte(1)]);
    await ring.flush();
    expect((await lines()).map(({ event }) => event.n)).toEqual([1]);
  });
});
