import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { canMount, withSmallFileSystem } from '../../../test/support/disk/mounts.js';
import { RecordingObserver } from '../../../test/support/fakes/recording-observer.js';
import { ledgerOf } from '../../delivery/accounting.js';
import type { Ledger } from '../../metrics/pipeline-observer.js';
import type { Account, Batch, BatchBounds, BatchSource } from '../event-queue.js';
import { encodeBlock, readHeader } from './block.js';
import { EmbeddedQueue } from './embedded-queue.js';
import { segmentPath } from './segment.js';

const MIB = 1024 * 1024;
const NOW: BatchBounds = { maxEvents: 500, maxBytes: 4 * MIB, lingerMs: 0 };
const never = new AbortController().signal;

const unchanged = (account: Account): Account => account;
const ledgerOfReader = ({ progress, account }: BatchSource): Ledger => ledgerOf(progress, account);

let directory: string;
let observer: RecordingObserver;
const opened: EmbeddedQueue[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-queue-'));
  observer = new RecordingObserver();
});

afterEach(async () => {
  for (const queue of opened.splice(0)) {
    await queue.close();
  }
  await rm(directory, { recursive: true });
});

async function open(sinks = ['log'], maxBytes = 64 * MIB): Promise<EmbeddedQueue> {
  const queue = await EmbeddedQueue.open({ directory, maxBytes, sinks }, observer);
  opened.push(queue);
  return queue;
}

async function close(queue: EmbeddedQueue): Promise<void> {
  opened.splice(opened.indexOf(queue), 1);
  await queue.close();
}

const encoded = (...texts: string[]): Buffer[] =>
  texts.map((text) => Buffer.from(`{"e":"${text}"}`));
const texts = (batch: Batch): string[] =>
  batch.events.map(({ json }) => (JSON.parse(json.toString()) as { e: string }).e);

/** Everything that is queued for the sink, committed batch by batch. */
async function deliverAll(queue: EmbeddedQueue, sink = 'log', maxEvents = 500): Promise<string[]> {
  const reader = queue.reader(sink);
  const delivered: string[] = [];
  while (reader.depth > 0) {
    const batch = await reader.read({ ...NOW, maxEvents }, never);
    delivered.push(...texts(batch));
    await reader.commit(batch.end, unchanged);
  }
  return delivered;
}

async function segmentPaths(): Promise<string[]> {
  const names = await readdir(directory);
  return names
    .filter((name) => name.endsWith('.segment'))
    .toSorted()
    .map((name) => join(directory, name));
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0x01, at);
  await writeFile(path, bytes);
}

describe('EmbeddedQueue', () => {
  it('puts appends of the same moment into one commit', async () => {
    const queue = await open();
    await Promise.all([
      queue.append(encoded('a')),
      queue.append(encoded('b')),
      queue.append(encoded('c')),
    ]);

    expect(observer.of('commitSucceeded')).toHaveLength(1);
    expect(await deliverAll(queue)).toEqual(['a', 'b', 'c']);
  });

  it('tells each append where its events are, before it resolves', async () => {
    const queue = await open();
    const told: string[] = [];
    await Promise.all(
      [['a', 'b'], ['c'], ['d', 'e', 'f']].map(async (names) => {
        await queue.append(encoded(...names), (position) =>
          told.push(`${names[0]} at ${position}`),
        );
        told.push(`${names[0]} resolved`);
      }),
    );
    expect(told.slice(0, 3)).toEqual(['a at 0', 'c at 2', 'd at 3']);
    expect(told.slice(3).toSorted()).toEqual(['a resolved', 'c resolved', 'd resolved']);
    const batch = await queue.reader('log').read(NOW, never);
    expect(batch.events.map(({ position }) => position)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it.each([
    ['appends', 8192, 1],
    ['bytes', 64, MIB],
  ])(
    'is overloaded while too many %s wait, and takes them all the same',
    async (_, most, bytes) => {
      const queue = await open(['log'], 1024 * MIB);
      const events = [Buffer.alloc(bytes, 'x')];
      const appends = Array.from({ length: most - 1 }, () => queue.append(events));
      expect(queue.overloaded).toBe(false);
      appends.push(queue.append(events), queue.append(events));
      expect(queue.overloaded).toBe(true);
      await Promise.all(appends);
      expect(queue.overloaded).toBe(false);
      expect(queue.tail).toBe(most + 1);
    },
  );

  it('continues where it was after a restart, in the middle of a block too', async () => {
    const first = await open();
    await first.append(encoded('a', 'b', 'c', 'd'));
    const reader = first.reader('log');
    await reader.read(NOW, never);
    await reader.commit(3, (account) => ({ ...account, deadLettered: 1 }));
    await close(first);

    const second = await open();
    expect(ledgerOfReader(second.reader('log'))).toEqual({
      accepted: 4,
      delivered: 2,
      queued: 1,
      deadLettered: 1,
      purged: 0,
      corrupt: 0,
    });
    expect(second.reader('log').oldestEventAgeSeconds).toBeGreaterThan(0);
    expect(await deliverAll(second)).toEqual(['d']);
  });

  it('refuses events beyond its bound and takes them again once a segment is delivered', async () => {
    const queue = await open(['log'], MIB);
    const big = encoded('x'.repeat(30_000));
    let taken = 0;
    await expect(
      (async () => {
        for (;;) {
          await queue.append(big);
          taken += 1;
        }
      })(),
    ).rejects.toThrow('QUEUE_MAX_MB');
    expect(queue.state).toBe('full');
    expect(taken).toBeGreaterThan(20);

    expect(await deliverAll(queue)).toHaveLength(taken);
    expect(queue.state).toBe('accepting');
    await queue.append(big);
    expect((await segmentPaths()).length).toBeLessThanOrEqual(2);
  });

  it('says that it is full from its start on when it was full before', async () => {
    const first = await open(['log'], MIB);
    const big = encoded('x'.repeat(30_000));
    while (first.state === 'accepting') {
      await first.append(big).catch(() => undefined);
    }
    await close(first);

    const second = await open(['log'], MIB);
    expect(second.state).toBe('full');
    await deliverAll(second);
    expect(second.state).toBe('accepting');
  });

  it('is not full because one request was too large for the room that is left', async () => {
    const queue = await open(['log'], MIB);
    await expect(queue.append(encoded('x'.repeat(2 * MIB)))).rejects.toThrow('QUEUE_MAX_MB');
    expect(queue.state).toBe('accepting');
    await queue.append(encoded('small'));
  });

  it('refuses to start when both copies of the cursors are damaged, and says what to do', async () => {
    const queue = await open();
    await queue.append(encoded('a'));
    await queue.reader('log').commit(1, unchanged);
    await close(queue);
    await writeFile(join(directory, 'cursors'), Buffer.alloc(32 * 1024, 0xff));
    await expect(open()).rejects.toThrow(/cursors is damaged.*Remove that file/);

    await rm(join(directory, 'cursors'));
    expect(await deliverAll(await open())).toEqual(['a']);
  });

  it('falls back on the older copy of the cursors when the newer one is damaged', async () => {
    const queue = await open();
    await queue.append(encoded('a', 'b'));
    await queue.reader('log').commit(1, unchanged);
    await queue.reader('log').commit(2, unchanged);
    await close(queue);
    const newest = await readFile(join(directory, 'cursors'));
    // Twice at the start, then the two commits: generations 1 to 4, the even ones in the first slot.
    newest.writeUInt8(newest.readUInt8(30) ^ 1, 30);
    await writeFile(join(directory, 'cursors'), newest);
    expect(await deliverAll(await open())).toEqual(['b']);
  });

  it('refuses to start without a sink that has undelivered events', async () => {
    const first = await open(['log', 'gone']);
    await first.append(encoded('a'));
    await close(first);
    await expect(open(['log'])).rejects.toThrow(/gone.*1 undelivered.*gotrack queue forget gone/);
  });

  it('refuses a second owner', async () => {
    await open();
    await expect(
      EmbeddedQueue.open({ directory, maxBytes: MIB, sinks: ['log'] }, observer),
    ).rejects.toThrow(/belongs to another running GoTrack/);
  });

  it('refuses a format it does not know', async () => {
    await close(await open());
    await writeFile(join(directory, 'format'), 'gotrack-queue 2\n');
    await expect(open()).rejects.toThrow(/format that this version does not know.*gotrack-queue 2/);
  });

  it('says how to fix a format file that is damaged', async () => {
    const queue = await open();
    await queue.append(encoded('a'));
    await close(queue);
    const path = join(directory, 'format');
    await writeFile(path, 'gotrack-pueue 1\n');
    await expect(open()).rejects.toThrow(
      `If the file ${path} is damaged: put the line gotrack-queue 1`,
    );
    await writeFile(path, 'gotrack-queue 1\n');
    expect(await deliverAll(await open())).toEqual(['a']);
  });

  it('holds its directory whatever is in the lock file', async () => {
    const queue = await open();
    await queue.append(encoded('a'));
    await close(queue);
    await writeFile(join(directory, 'owner.lock'), Buffer.alloc(9000, 'x'));
    expect(await deliverAll(await open())).toEqual(['a']);
    await expect(
      EmbeddedQueue.open({ directory, maxBytes: MIB, sinks: ['log'] }, observer),
    ).rejects.toThrow(/belongs to another running GoTrack/);
  });

  it('refuses events once it is closed', async () => {
    const queue = await open();
    await close(queue);
    await expect(queue.append(encoded('a'))).rejects.toMatchObject({ reason: 'draining' });
  });

  it('cuts a torn block at the end and continues after it', async () => {
    const first = await open();
    await first.append(encoded('a'));
    await close(first);
    const [path = ''] = await segmentPaths();
    await appendFile(path, encodeBlock(1, 1, encoded('b')).subarray(0, -3));

    const second = await open();
    await second.append(encoded('c'));
    expect(await deliverAll(second)).toEqual(['a', 'c']);
    expect(observer.total('corruptRecordsFound', 0)).toBe(0);
  });

  it('cuts what a power loss left of zeros after the last block', async () => {
    const first = await open();
    await first.append(encoded('a'));
    await close(first);
    await appendFile((await segmentPaths())[0] ?? '', Buffer.alloc(10_000));

    const second = await open();
    await second.append(encoded('b'));
    expect(await deliverAll(second)).toEqual(['a', 'b']);
  });

  it('delivers every event but the one whose byte is damaged, wherever it is, and counts that one', async () => {
    const first = await open();
    await first.append(encoded('a', 'b', 'c'));
    await first.append(encoded('d', 'e'));
    await close(first);
    const [path = ''] = await segmentPaths();
    const whole = await readFile(path);
    const cursors = await readFile(join(directory, 'cursors'));

    for (let at = 0; at < whole.length; at += 1) {
      await flip(path, at);
      observer = new RecordingObserver();
      const queue = await open();
      const delivered = await deliverAll(queue);
      const { corrupt, delivered: settled, accepted } = ledgerOfReader(queue.reader('log'));
      expect({ at, corrupt }).toEqual({ at, corrupt: 5 - delivered.length });
      expect(corrupt).toBeLessThanOrEqual(1);
      expect(observer.total('corruptRecordsFound', 0)).toBe(corrupt);
      expect({ settled, accepted }).toEqual({ settled: delivered.length, accepted: 5 });
      expect(delivered).toEqual(
        ['a', 'b', 'c', 'd', 'e'].filter((text) => delivered.includes(text)),
      );
      await close(queue);
      await writeFile(path, whole);
      await writeFile(join(directory, 'cursors'), cursors);
    }
  });

  it('finds its way past a destroyed stretch, and sets it aside', async () => {
    const first = await open();
    for (const text of ['a', 'b', 'c', 'd']) {
      await first.append(encoded(text));
    }
    await close(first);
    const [path = ''] = await segmentPaths();
    const bytes = await readFile(path);
    const blockBytes = bytes.length / 4;
    bytes.fill(0xff, blockBytes, 3 * blockBytes);
    await writeFile(path, bytes);

    const second = await open();
    expect(await deliverAll(second)).toEqual(['a', 'd']);
    expect(ledgerOfReader(second.reader('log'))).toMatchObject({
      accepted: 4,
      delivered: 2,
      corrupt: 2,
    });
    expect(observer.total('corruptRecordsFound', 0)).toBe(2);
    const kept = await readFile(join(directory, 'damaged', '1.bin'));
    expect(kept.equals(bytes.subarray(blockBytes, 3 * blockBytes))).toBe(true);
  });

  it('counts what a lost segment held, however much, and continues after it', async () => {
    const first = await open(['log', 'other'], 1024 * MIB);
    for (let block = 0; block < 15; block += 1) {
      await first.append(Array.from({ length: 20_000 }, () => Buffer.from('{"e":""}')));
    }
    await first.append([Buffer.alloc(64 * MIB, ' ')]);
    await first.append(encoded('after'));
    const reader = first.reader('log');
    await reader.commit((await reader.read({ ...NOW, maxEvents: 1 }, never)).end, unchanged);
    await close(first);
    await truncate((await segmentPaths())[0] ?? '', 0);

    const second = await open(['log', 'other'], 1024 * MIB);
    expect(await deliverAll(second, 'log')).toEqual(['after']);
    expect(await deliverAll(second, 'other')).toEqual(['after']);
    expect(ledgerOfReader(second.reader('other'))).toMatchObject({
      corrupt: 300_001,
      delivered: 1,
    });
    expect(ledgerOfReader(second.reader('log'))).toMatchObject({ corrupt: 300_000, delivered: 2 });
    expect(observer.total('corruptRecordsFound', 0)).toBe(300_001);
  });

  it('counts as corrupt what stood in segments that are all gone', async () => {
    const first = await open(['log', 'other']);
    await first.append(encoded(...Array.from({ length: 600 }, (_, index) => `${index}`)));
    await deliverAll(first, 'log');
    await close(first);
    for (const path of await segmentPaths()) {
      await rm(path);
    }

    const second = await open(['log', 'other']);
    expect(await deliverAll(second, 'other')).toEqual([]);
    expect(ledgerOfReader(second.reader('other'))).toMatchObject({ queued: 0, corrupt: 600 });
    expect(ledgerOfReader(second.reader('log'))).toMatchObject({
      queued: 0,
      corrupt: 0,
      delivered: 600,
    });
  });

  it('counts what the last segment held when its end, or all of it, is missing', async () => {
    for (const lose of [
      (path: string) => truncate(path, 0),
      (path: string) => truncate(path, 200),
      (path: string) => rm(path),
    ]) {
      const first = await open(['log', 'other']);
      await first.append(encoded('a', 'b'));
      await first.append(encoded('c'));
      await deliverAll(first, 'log');
      await first.append(encoded('d'));
      await close(first);
      await lose((await segmentPaths())[0] ?? '');

      observer = new RecordingObserver();
      const second = await open(['log', 'other']);
      const delivered = await deliverAll(second, 'other');
      expect(await deliverAll(second, 'log')).toEqual([]);
      const lost = 4 - delivered.length;
      expect(ledgerOfReader(second.reader('other'))).toMatchObject({ accepted: 4, corrupt: lost });
      expect(ledgerOfReader(second.reader('log'))).toMatchObject({ delivered: 3, corrupt: 1 });
      expect(observer.total('corruptRecordsFound', 0)).toBe(lost);
      await close(second);
      await rm(directory, { recursive: true });
      directory = await mkdtemp(join(tmpdir(), 'gotrack-queue-'));
    }
  });

  it('delivers what a cut segment still has whole of its last block', async () => {
    const first = await open();
    await first.append(encoded('a', 'b', 'c'));
    await close(first);
    const [path = ''] = await segmentPaths();
    await truncate(path, (await readFile(path)).length - 5);

    const second = await open();
    expect(await deliverAll(second)).toEqual(['a', 'b']);
    expect(ledgerOfReader(second.reader('log'))).toMatchObject({
      accepted: 3,
      delivered: 2,
      corrupt: 1,
    });
  });

  it('counts the events of a last block without a header, whatever its table looks like', async () => {
    const first = await open();
    // They have ten bytes each: their lengths look like newlines.
    await first.append(encoded('aa', 'bb', 'cc'));
    await close(first);
    const cursors = join(directory, 'cursors');
    await rm(cursors);
    const [path = ''] = await segmentPaths();
    await flip(path, 20);
    await flip(path, 64);

    const second = await open();
    expect(await deliverAll(second)).toEqual([]);
    expect(ledgerOfReader(second.reader('log'))).toMatchObject({ accepted: 3, corrupt: 3 });
  });

  it('gives no segment back before both copies of the cursors are past it', async () => {
    const first = await open(['log'], MIB);
    const reader = first.reader('log');
    await first.append([Buffer.alloc(70_000, ' ')]);
    await first.append(encoded('b'));
    await reader.commit((await reader.read(NOW, never)).end, unchanged);
    await close(first);
    expect(await segmentPaths()).toHaveLength(1);

    const cursors = await readFile(join(directory, 'cursors'));
    for (const slot of [0, 1]) {
      const damaged = Buffer.from(cursors);
      damaged.writeUInt8(damaged.readUInt8(slot * 16 * 1024 + 30) ^ 1, slot * 16 * 1024 + 30);
      await writeFile(join(directory, 'cursors'), damaged);
      const second = await open(['log'], MIB);
      await deliverAll(second);
      expect(ledgerOfReader(second.reader('log'))).toMatchObject({
        accepted: 2,
        delivered: 2,
        corrupt: 0,
      });
      await close(second);
    }
  });

  it('does not call corrupt what was delivered before it was damaged', async () => {
    const first = await open();
    for (const text of ['a', 'b', 'c', 'd']) {
      await first.append(encoded(text));
    }
    const reader = first.reader('log');
    await reader.commit((await reader.read({ ...NOW, maxEvents: 3 }, never)).end, unchanged);
    await close(first);
    const [path = ''] = await segmentPaths();
    const bytes = await readFile(path);
    bytes.fill(0xff, bytes.length / 4, bytes.length / 2);
    await writeFile(path, bytes);

    const second = await open();
    expect(await deliverAll(second)).toEqual(['d']);
    expect(ledgerOfReader(second.reader('log')).corrupt).toBe(0);
    expect(observer.total('corruptRecordsFound', 0)).toBe(0);
  });

  it('still waits for batches to fill up after many small ones', async () => {
    const queue = await open();
    const reader = queue.reader('log');
    const bounds = { ...NOW, maxBytes: 5000 };
    for (let index = 0; index < 200; index += 1) {
      await queue.append(encoded('a'));
      await reader.commit((await reader.read(bounds, never)).end, unchanged);
    }
    await queue.append(encoded('b'));
    const stop = new AbortController();
    const reading = reader.read({ ...bounds, lingerMs: 60_000 }, stop.signal);
    await queue.append(encoded('c'));
    stop.abort(new Error('it waited'));
    await expect(reading).rejects.toThrow('it waited');
  });

  it.each([
    ['many events', 20, 900, 10],
    ['large events', 20, 3, 100_000],
  ])('makes no block that takes long, however much waits: %s', async (_, appends, count, size) => {
    const queue = await open(['log'], 1024 * MIB);
    const append = (): Promise<void> =>
      queue.append(Array.from({ length: count }, () => Buffer.alloc(size, ' ')));
    await Promise.all(Array.from({ length: appends }, append));
    const [path = ''] = await segmentPaths();
    const bytes = await readFile(path);
    const counts: number[] = [];
    for (let at = 0; at < bytes.length;) {
      const block = readHeader(bytes, at);
      expect(block?.count).toBeLessThanOrEqual(2000);
      expect(block?.blockBytes).toBeLessThanOrEqual(MIB);
      counts.push(block?.count ?? NaN);
      at += block?.blockBytes ?? NaN;
    }
    expect(counts.reduce((sum, each) => sum + each)).toBe(appends * count);
    expect(counts.length).toBeLessThan(appends);
  });

  it('gives back what one large block took once it is delivered', async () => {
    const queue = await open(['log'], MIB);
    await queue.append([Buffer.alloc(1_000_000, ' ')]);
    const reader = queue.reader('log');
    await reader.commit((await reader.read(NOW, never)).end, unchanged);
    await vi.waitFor(() => expect(queue.state).toBe('accepting'));
    await queue.append([Buffer.alloc(100_000, ' ')]);
  });

  it('reads nothing that an abandoned segment holds after the base of the next', async () => {
    const first = await open();
    await first.append(encoded('a'));
    await close(first);
    const [path = ''] = await segmentPaths();
    await appendFile(path, encodeBlock(1, 1, encoded('failed')));
    await writeFile(segmentPath(directory, 1), encodeBlock(1, 1, encoded('b')));
    expect(await deliverAll(await open())).toEqual(['a', 'b']);
  });

  describe.skipIf(!canMount())('on a disk that is full', () => {
    async function onSmallDisk(
      use: (queue: EmbeddedQueue) => Promise<void>,
      maxBytes = 64 * MIB,
    ): Promise<void> {
      const mountPoint = join(directory, 'small');
      await withSmallFileSystem(mountPoint, async () => {
        const queue = await EmbeddedQueue.open(
          { directory: join(mountPoint, 'queue'), maxBytes, sinks: ['log'] },
          observer,
        );
        await use(queue);
        await queue.close();
      });
    }
    const appendUntilRefused = async (
      queue: EmbeddedQueue,
      then: () => Promise<void>,
    ): Promise<void> => {
      const event = encoded('x'.repeat(2000));
      while (
        await queue.append(event).then(
          () => true,
          () => false,
        )
      ) {
        await then();
      }
    };

    it('refuses the first start, and names the setting', async () => {
      const mountPoint = join(directory, 'small');
      await withSmallFileSystem(mountPoint, async () => {
        await appendFile(join(mountPoint, 'other'), Buffer.alloc(MIB)).catch(() => undefined);
        const options = {
          directory: join(mountPoint, 'queue'),
          maxBytes: 64 * MIB,
          sinks: ['log'],
        };
        await expect(EmbeddedQueue.open(options, observer)).rejects.toThrow(
          /QUEUE_PATH .*small\/queue cannot be used: ENOSPC/,
        );
        await rm(join(mountPoint, 'other'));
        await (await EmbeddedQueue.open(options, observer)).close();
      });
    });

    it('can be opened again when others have filled it', async () => {
      const mountPoint = join(directory, 'small');
      await withSmallFileSystem(mountPoint, async () => {
        const options = {
          directory: join(mountPoint, 'queue'),
          maxBytes: 64 * MIB,
          sinks: ['log'],
        };
        const first = await EmbeddedQueue.open(options, observer);
        await first.append(encoded('a', 'b'));
        await first.close();
        await expect(appendFile(join(mountPoint, 'other'), Buffer.alloc(MIB))).rejects.toThrow(
          'ENOSPC',
        );

        const second = await EmbeddedQueue.open(options, observer);
        expect(await deliverAll(second)).toEqual(['a', 'b']);
        await second.close();
      });
    });

    it('is not full any more when what took its last room could not be written', async () => {
      await onSmallDisk(async (queue) => {
        const event = encoded('x'.repeat(15_000));
        // All of them wait for the first commit, but the last, for which there is no room.
        const appends = Array.from({ length: 70 }, () => queue.append(event));
        const outcomes = Promise.allSettled(appends);
        expect(queue.state).toBe('full');
        expect((await outcomes).filter(({ status }) => status === 'fulfilled')).toEqual([]);
        await vi.waitFor(() => expect(queue.state).toBe('accepting'));
      }, MIB);
    });

    it('recovers by itself when everything is delivered', async () => {
      await onSmallDisk(async (queue) => {
        const reader = queue.reader('log');
        await appendUntilRefused(queue, async () => {
          await reader.commit((await reader.read(NOW, never)).end, unchanged);
        });
        await vi.waitFor(() => expect(queue.state).toBe('accepting'));
      });
    });

    it('can still commit what was delivered of the backlog that filled it', async () => {
      await onSmallDisk(async (queue) => {
        await appendUntilRefused(queue, () => Promise.resolve());
        expect(queue.reader('log').depth).toBeGreaterThan(50);
        expect(await deliverAll(queue, 'log', 20)).not.toEqual([]);
        await vi.waitFor(() => expect(queue.state).toBe('accepting'));
      });
    });
  });
});
