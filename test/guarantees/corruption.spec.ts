import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmbeddedQueue } from '../../src/queueing/embedded/embedded-queue.js';
import { queueStatus } from '../../src/queueing/embedded/queue-status.js';
import { ALL_DELIVERED, ledgerOf, settle } from '../../src/delivery/accounting.js';
import type { Ledger } from '../../src/metrics/pipeline-observer.js';
import type { BatchSource } from '../../src/queueing/event-queue.js';
import { type Books, balancedBooks } from '../support/load/books.js';
import { type Collector, Workplace } from '../support/servers/collector.js';
import { DamagedImage, QueueImage, type Region } from '../support/disk/queue-image.js';
import { RecordingObserver } from '../support/fakes/recording-observer.js';
import { Tally } from '../support/load/tally.js';
import { runs } from './runs.js';

const ledgerOfReader = ({ progress, account }: BatchSource): Ledger => ledgerOf(progress, account);

const SINKS = ['log', 'kafka'] as const;
type SinkName = (typeof SINKS)[number];

const MIB = 1024 * 1024;
/** Segments are as small as they get: 64 KiB. */
const QUEUE_MAX_MB = 1;
/** Nobody listens there: this sink delivers nothing. */
const SETTINGS = {
  OUTPUTS: SINKS.join(','),
  KAFKA_BROKERS: '127.0.0.1:1',
  QUEUE_MAX_MB: `${QUEUE_MAX_MB}`,
  FLUSH_INTERVAL_MS: '5',
  SHUTDOWN_TIMEOUT_MS: '100',
};
const never = new AbortController().signal;

let workplace: Workplace;
let image: QueueImage;

beforeAll(async () => {
  workplace = await Workplace.create();
  image = await backlog();
});

afterAll(() => workplace.remove());

/**
 * The queue that all this is about: several segments, blocks of one event and of many, written by the
 * program; the log sink has a part of it, Kafka another one.
 */
async function backlog(): Promise<QueueImage> {
  const ids: string[] = [];
  const delivering = await workplace.start(SETTINGS);
  await fill(delivering, 120_000, ids);
  await delivering.drained('log');
  expect(await delivering.stop()).toBe(0);

  await mkdir(workplace.path('no-file'));
  const keeping = await workplace.start({ ...SETTINGS, LOG_PATH: './no-file' });
  await fill(keeping, 150_000, ids);
  expect(await keeping.stop()).toBe(0);

  const directory = workplace.path('data', 'queue');
  const queue = await open(directory);
  const reader = queue.reader('kafka');
  const bounds = { maxBytes: 30_000, lingerMs: 0 };
  await reader.commit(
    (await reader.read({ ...bounds, maxEvents: 500 }, never)).end,
    settle(ALL_DELIVERED),
  );
  // Two steps, so that the slots of the cursor file differ.
  await reader.commit(
    (await reader.read({ ...bounds, maxEvents: 3 }, never)).end,
    settle(ALL_DELIVERED),
  );
  await queue.close();

  const found = await QueueImage.read(directory);
  expect(found.events.map(({ id }) => id)).toEqual(ids);
  expect(found.segmentNames.length).toBeGreaterThanOrEqual(4);
  expect(new Set(found.blocks.map(({ events }) => events.length)).size).toBeGreaterThan(5);
  const [newest, older] = found.slots.toSorted((a, b) => b.generation - a.generation);
  expect(newest?.positions['kafka']).toBeGreaterThan(older?.positions['kafka'] ?? Infinity);
  expect(newest?.positions['log']).toBeGreaterThan(newest?.positions['kafka'] ?? Infinity);
  return found;
}

async function fill(collector: Collector, bytes: number, ids: string[]): Promise<void> {
  let sent = 0;
  for (let request = 0; ; request += 1) {
    const events = Array.from({ length: 1 + ((request * 7) % 13) }, (_, index) => {
      const text = 'x'.repeat((request * 997 + index * 389) % 1500);
      return { event_id: `e${ids.length + index}`, props: { text } };
    });
    sent += JSON.stringify(events).length;
    if (sent > bytes) {
      return;
    }
    ids.push(...events.map(({ event_id }) => event_id));
    const response = await fetch(`${collector.url}/collect`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(events),
    });
    expect(response.status).toBe(202);
  }
}

function open(directory: string, observer = new RecordingObserver()): Promise<EmbeddedQueue> {
  return EmbeddedQueue.open({ directory, maxBytes: QUEUE_MAX_MB * MIB, sinks: SINKS }, observer);
}

interface Choice {
  /** Which of those there are. */
  readonly which: number;
  /** Which byte of it. */
  readonly at: number;
  /** Not 0: what the byte is xor-ed with. */
  readonly mask: number;
}

type DamageKind = keyof typeof FLIPS | keyof typeof OTHERS;

const choose = <T>(from: readonly T[], which: number): T => from[which % from.length] as T;

function flip(damaged: DamagedImage, { file, start, end }: Region, { at, mask }: Choice): void {
  const offset = start + (at % (end - start));
  damaged.change(file, (bytes) => {
    // A second flip in the same place must not undo the first.
    bytes.writeUInt8(damaged.whole.bytesOf(file).readUInt8(offset) ^ mask, offset);
    return bytes;
  });
}

const wholeFile = (file: string): Region => ({ file, start: 0, end: image.bytesOf(file).length });

/** Of a byte or two, in places of every kind. */
const FLIPS = {
  'a header copy': (damaged: DamagedImage, choice: Choice) => {
    flip(damaged, choose(choose(image.blocks, choice.which).headers, choice.at >> 8), choice);
  },
  'both header copies of a block': (damaged: DamagedImage, choice: Choice) => {
    for (const header of choose(image.blocks, choice.which).headers) {
      flip(damaged, header, choice);
    }
  },
  'both header copies of the last block': (damaged: DamagedImage, choice: Choice) => {
    for (const header of image.blocks.at(-1)?.headers ?? []) {
      flip(damaged, header, choice);
    }
  },
  'a table': (damaged: DamagedImage, choice: Choice) =>
    flip(damaged, choose(image.blocks, choice.which).table, choice),
  'an event': (damaged: DamagedImage, choice: Choice) =>
    flip(damaged, choose(image.events, choice.which).json, choice),
  'a newline': (damaged: DamagedImage, choice: Choice) => {
    const { file, end } = choose(image.events, choice.which).json;
    flip(damaged, { file, start: end, end: end + 1 }, choice);
  },
  'the table and the payload of a block': (damaged: DamagedImage, choice: Choice) => {
    const { table, payload } = choose(image.blocks, choice.which);
    flip(damaged, table, choice);
    flip(damaged, payload, choice);
  },
  'a slot of the cursors': (damaged: DamagedImage, choice: Choice) =>
    flip(damaged, choose(image.slots, choice.which).region, choice),
  'both slots of the cursors': (damaged: DamagedImage, choice: Choice) => {
    for (const { region } of image.slots) {
      flip(damaged, region, choice);
    }
  },
  'the format': (damaged: DamagedImage, choice: Choice) => {
    flip(damaged, wholeFile('format'), choice);
  },
  'any byte of any file': (damaged: DamagedImage, choice: Choice) => {
    const files = [...image.files.keys()].filter((name) => image.bytesOf(name).length > 0);
    flip(damaged, wholeFile(choose(files, choice.which)), choice);
  },
} as const;

const MOST_OF_IT = 0.8;

/** To a whole file. */
const OTHERS = {
  'a file is cut': (damaged: DamagedImage, { which, at }: Choice) => {
    damaged.change(choose([...image.files.keys()], which), (bytes) =>
      bytes.subarray(0, at % (bytes.length + 1)),
    );
  },
  'a file is empty': (damaged: DamagedImage, { which }: Choice) => {
    damaged.change(choose([...image.files.keys()], which), () => Buffer.alloc(0));
  },
  'the end of the last segment is missing': (damaged: DamagedImage, { at }: Choice) => {
    damaged.change(image.segmentNames.at(-1) ?? '', (bytes) =>
      bytes.subarray(0, at % (bytes.length + 1)),
    );
  },
  'a stretch of a file is zero': (damaged: DamagedImage, { which, at }: Choice) => {
    damaged.change(choose([...image.files.keys()], which), (bytes) => {
      const start = at % (bytes.length + 1);
      bytes.subarray(start, start + (bytes.length - start) * MOST_OF_IT).fill(0);
      return bytes;
    });
  },
  'all of a file is zero': (damaged: DamagedImage, { which }: Choice) => {
    damaged.change(choose([...image.files.keys()], which), (bytes) => bytes.fill(0));
  },
  'a stretch of a file is overwritten': (damaged: DamagedImage, { which, at, mask }: Choice) => {
    damaged.change(choose([...image.files.keys()], which), (bytes) => {
      const start = at % (bytes.length + 1);
      bytes.subarray(start, start + 5000).fill(mask);
      return bytes;
    });
  },
  'a file is gone': (damaged: DamagedImage, { which }: Choice) => {
    damaged.files.delete(choose([...image.files.keys()], which));
  },
  'the format file is gone': (damaged: DamagedImage) => {
    damaged.files.delete('format');
  },
  'garbage is in owner.lock': (damaged: DamagedImage, { at, mask }: Choice) => {
    damaged.change('owner.lock', () => Buffer.alloc(1 + (at % 9000), mask));
  },
} as const;

interface Damage extends Choice {
  readonly kind: DamageKind;
}

function damage(...all: readonly Damage[]): DamagedImage {
  const damaged = new DamagedImage(image);
  for (const { kind, ...choice } of all) {
    ({ ...FLIPS, ...OTHERS })[kind](damaged, choice);
  }
  return damaged;
}

const choice = {
  which: fc.noBias(fc.nat()),
  at: fc.noBias(fc.nat()),
  mask: fc.oneof(
    fc.nat({ max: 7 }).map((bit) => 1 << bit),
    fc.integer({ min: 1, max: 255 }),
  ),
};
const of = (kinds: object): fc.Arbitrary<Damage> =>
  fc.record(
    { kind: fc.constantFrom(...(Object.keys(kinds) as DamageKind[])), ...choice },
    { noNullPrototype: true },
  );
const someDamage = fc.oneof(
  { weight: 4, arbitrary: of(FLIPS).map((one) => [one]) },
  { weight: 3, arbitrary: fc.array(of(FLIPS), { minLength: 2, maxLength: 12 }) },
  { weight: 3, arbitrary: of(OTHERS).map((one) => [one]) },
);

/** One of each kind: whatever the random ones are, none is missing. */
const ONE_OF_EACH: readonly Damage[] = Object.keys({ ...FLIPS, ...OTHERS }).map((kind, index) => ({
  kind: kind as DamageKind,
  which: 20 + index,
  at: 4321 + 57 * index,
  mask: 1 + index,
}));

/** Each slot leaves the other one, of which one is the newer. */
const EACH_SLOT: readonly Damage[] = [0, 1].map((which) => ({
  kind: 'a slot of the cursors',
  which,
  at: 40,
  mask: 1,
}));

const ofKinds = (kinds: RegExp): readonly Damage[] =>
  ONE_OF_EACH.filter(({ kind }) => kinds.test(kind));

/** The same in fewer starts. */
const FEW_OF_ALL: readonly (readonly Damage[])[] = [
  ofKinds(/cop|table|event|newline|a slot|owner.lock/),
  ofKinds(/both slots|the format file is gone/),
  ofKinds(/^the format$/),
  ofKinds(/missing/),
  ofKinds(/a file is gone/),
];

/** What has to come of damaged files. */
class Outlook {
  private readonly lost: ReadonlySet<number>;

  constructor(readonly damaged: DamagedImage) {
    this.lost = damaged.lost;
  }

  /** The damaged file for which the start is refused. */
  get refusal(): 'format' | 'cursors' | undefined {
    if (this.damaged.files.get('format')?.toString().trim() !== 'gotrack-queue 1') {
      return 'format';
    }
    return this.startsOver || this.damaged.slot ? undefined : 'cursors';
  }

  /** No position is known: every sink gets everything. */
  get startsOver(): boolean {
    return (this.damaged.files.get('cursors') ?? Buffer.alloc(0)).length === 0;
  }

  /** Where the sink continues. */
  from(sink: SinkName): number {
    return this.startsOver ? this.base : (this.damaged.slot?.positions[sink] ?? 0);
  }

  /** Where the ledger of the sink begins. */
  get base(): number {
    return this.startsOver ? Number.parseInt(this.damaged.segmentNames[0] ?? '', 10) : 0;
  }

  /**
   * Whether it can only be estimated how many events the end of the log held: the header that says it
   * is lost, and more of the block or the block before it as well. Nothing else may be out of reach.
   */
  get estimatesItsEnd(): boolean {
    const [before, last] = image.blocks.slice(-2);
    return (
      before !== undefined &&
      last !== undefined &&
      this.damaged.hidesItsHeader(last) &&
      (this.damaged.hidesItsHeader(before) ||
        !this.damaged.isWhole(last.table) ||
        !this.damaged.isWhole(last.payload))
    );
  }

  delivered(sink: SinkName): string[] {
    return image.events
      .filter(({ position }) => position >= this.from(sink) && !this.lost.has(position))
      .map(({ id }) => id);
  }

  corrupt(sink: SinkName): Set<number> {
    return new Set([...this.lost].filter((position) => position >= this.from(sink)));
  }

  /** Of these, what the sink's lane has come across once it has found the first event to deliver. */
  corruptUpToTheFirst(sink: SinkName): Set<number> {
    const corrupt = this.corrupt(sink);
    const from = this.from(sink);
    const readable = image.blocks.find(({ events }) =>
      events.some(({ position }) => position >= from && !this.lost.has(position)),
    );
    return new Set([...corrupt].filter((position) => position < (readable?.end ?? Infinity)));
  }
}

/** That a person can still look at what the events have become. */
async function expectSetAside(
  damaged: DamagedImage,
  positions: ReadonlySet<number>,
  directory: string,
): Promise<void> {
  const kept = join(directory, 'damaged');
  const names = existsSync(kept) ? await readdir(kept) : [];
  const pieces = await Promise.all(names.map((name) => readFile(join(kept, name))));
  const missing = image.events
    .filter(({ position }) => positions.has(position))
    .filter(({ json: { file, start, end } }) => {
      const bytes = damaged.files.get(file)?.subarray(start, end) ?? Buffer.alloc(0);
      return !pieces.some((piece) => piece.includes(bytes));
    });
  expect(missing).toEqual([]);
}

/** That a start that is refused leaves everything as it is. */
async function expectUntouched({ files }: DamagedImage, directory: string): Promise<void> {
  for (const [name, bytes] of files) {
    const isWhole = bytes.equals(await readFile(join(directory, name)));
    // Nothing is lost with what is in that one.
    expect({ name, isWhole: isWhole || name === 'owner.lock' }).toEqual({ name, isWhole: true });
  }
}

const REFUSALS = {
  format:
    /^(?<directory>\S+) holds a queue in a format that this version does not know .*If the file (?<file>\S+) is damaged: put the line (?<line>gotrack-queue 1) into it$/,
  cursors:
    /^(?<file>\S+\/cursors) is damaged: .*Remove that file to deliver everything .* again to every sink$/,
} as const;

/** Does what the message of a refused start says. */
async function obey(refusal: keyof typeof REFUSALS, message: string): Promise<void> {
  const { file = '', line } = REFUSALS[refusal].exec(message)?.groups ?? {};
  expect({ refusal, message, file }).toMatchObject({
    file: expect.stringContaining(refusal) as string,
  });
  const path = resolve(workplace.directory, file);
  await (line === undefined ? rm(path) : writeFile(path, `${line}\n`));
}

/** The same, to the image. */
function obeyed(refusal: keyof typeof REFUSALS, damaged: DamagedImage): DamagedImage {
  if (refusal === 'cursors') {
    damaged.files.delete('cursors');
  } else {
    damaged.files.set('format', image.bytesOf('format'));
  }
  return damaged;
}

describe('damage in the files of the queue', () => {
  let cases = 0;
  const newDirectory = (): string => workplace.path('cases', `${(cases += 1)}`);

  it(
    'opened in this process: each event that they can give back is delivered, in order, each other one counted and set aside',
    { timeout: runs(600_000, 1_800_000) },
    async () => {
      const tally = new Tally();

      async function readAll(queue: EmbeddedQueue, sink: SinkName): Promise<string[]> {
        const reader = queue.reader(sink);
        const ids: string[] = [];
        while (reader.depth > 0) {
          const batch = await reader.read({ maxEvents: 50, maxBytes: 20_000, lingerMs: 0 }, never);
          for (const { json } of batch.events) {
            ids.push((JSON.parse(json.toString()) as { event_id: string }).event_id);
          }
          await reader.commit(batch.end, settle(ALL_DELIVERED));
        }
        return ids;
      }

      async function opened(
        directory: string,
        outlook: Outlook,
        observer: RecordingObserver,
      ): Promise<readonly [EmbeddedQueue, Outlook]> {
        const { refusal, damaged } = outlook;
        if (!refusal) {
          return [await open(directory, observer), outlook];
        }
        tally.add(`refused for its ${refusal}`);
        const refused = async (): Promise<string> => {
          const error: unknown = await open(directory).catch((reason: unknown) => reason);
          expect(error).toMatchObject({ name: 'QueueStartError' });
          return (error as Error).message;
        };
        const message = await refused();
        expect(await refused()).toBe(message);
        await expect(queueStatus(directory)).rejects.toThrow(message);
        await expectUntouched(damaged, directory);
        await obey(refusal, message);
        return opened(directory, new Outlook(obeyed(refusal, damaged)), observer);
      }

      async function expectDelivery(
        queue: EmbeddedQueue,
        outlook: Outlook,
        observer: RecordingObserver,
        directory: string,
      ): Promise<void> {
        const { damaged } = outlook;
        const told = await queueStatus(directory);
        expect(
          told.sinks.map(({ sink, progress, account }) => ({
            sink,
            ledger: ledgerOf(progress, account),
          })),
        ).toEqual(SINKS.map((sink) => ({ sink, ledger: ledgerOfReader(queue.reader(sink)) })));
        const corrupt = new Set<number>();
        for (const sink of SINKS) {
          expect({ sink, ids: await readAll(queue, sink) }).toEqual({
            sink,
            ids: outlook.delivered(sink),
          });
          outlook.corrupt(sink).forEach((position) => corrupt.add(position));
        }
        const counted = observer.total('corruptRecordsFound', 0);
        if (outlook.estimatesItsEnd) {
          tally.add('estimated ends');
          expect(counted).toBeGreaterThanOrEqual(outlook.startsOver ? 0 : corrupt.size);
        } else {
          tally.add('known ends');
          expect(SINKS.map((sink) => ledgerOfReader(queue.reader(sink)))).toEqual(
            SINKS.map((sink) => ({
              accepted: image.tail - outlook.base,
              delivered: image.tail - outlook.base - outlook.corrupt(sink).size,
              queued: 0,
              deadLettered: 0,
              purged: 0,
              corrupt: outlook.corrupt(sink).size,
            })),
          );
          expect(counted).toBe(corrupt.size);
          await expectSetAside(damaged, corrupt, directory);
        }
        tally.add('lost events', corrupt.size);
        tally.add('cases without a loss', corrupt.size === 0 ? 1 : 0);
        tally.add('older slots', damaged.slot === image.slots[0] ? 1 : 0);
        tally.add('newer slots', damaged.slot === image.slots[1] ? 1 : 0);
      }

      /** A start after that has one new event to deliver, and counts nothing a second time. */
      async function expectNothingAgain(directory: string): Promise<void> {
        const before = (await queueStatus(directory)).sinks;
        const observer = new RecordingObserver();
        const queue = await open(directory, observer);
        try {
          for (const { sink, progress, account } of before) {
            const ledger = ledgerOf(progress, account);
            expect(await readAll(queue, sink as SinkName)).toEqual(['new']);
            const { delivered, queued } = ledger;
            expect({ queued, after: ledgerOfReader(queue.reader(sink)) }).toEqual({
              queued: 1,
              after: { ...ledger, delivered: delivered + 1, queued: 0 },
            });
          }
          expect(before).toHaveLength(SINKS.length);
          expect(observer.total('corruptRecordsFound', 0)).toBe(0);
        } finally {
          await queue.close();
        }
      }

      await fc.assert(
        fc.asyncProperty(someDamage, async (all) => {
          const directory = newDirectory();
          const damaged = damage(...all);
          await damaged.write(directory);
          all.forEach(({ kind }) => tally.add(kind));

          const observer = new RecordingObserver();
          const [queue, outlook] = await opened(directory, new Outlook(damaged), observer);
          try {
            await expectDelivery(queue, outlook, observer, directory);
            await queue.append([Buffer.from('{"event_id":"new"}')]);
          } finally {
            await queue.close();
          }
          await expectNothingAgain(directory);
          await rm(directory, { recursive: true });
        }),
        {
          numRuns: runs(150, 10_000),
          examples: [...ONE_OF_EACH, ...EACH_SLOT].map((one) => [[one]]),
        },
      );

      expect(
        tally.missing([
          ...Object.keys(FLIPS),
          ...Object.keys(OTHERS),
          'refused for its format',
          'refused for its cursors',
          'lost events',
          'known ends',
          'cases without a loss',
          'older slots',
          'newer slots',
        ]),
      ).toEqual([]);
    },
  );

  it(
    'under the program: it delivers the same, its ledger adds up, and a start that it refuses is fixed by what it says',
    { timeout: runs(600_000, 1_800_000) },
    async () => {
      const tally = new Tally();
      const environment = (directory: string): Record<string, string> => ({
        ...SETTINGS,
        QUEUE_PATH: join(directory, 'queue'),
        LOG_PATH: join(directory, 'events.ndjson'),
        DEAD_LETTER_PATH: join(directory, 'dead-letters'),
      });

      async function refusedStart(directory: string): Promise<string> {
        const error: unknown = await workplace
          .start(environment(directory))
          .catch((reason: unknown) => reason);
        const [, message] =
          /ended with 1:\n(?:.*\n)*gotrack: (.*)$/.exec(`${error as Error}`) ?? [];
        expect(message, `${error as Error}`).toBeDefined();
        return message ?? '';
      }

      async function started(
        directory: string,
        outlook: Outlook,
      ): Promise<readonly [Collector, Outlook]> {
        const { refusal, damaged } = outlook;
        if (!refusal) {
          return [await workplace.start(environment(directory)), outlook];
        }
        tally.add('refused');
        const message = await refusedStart(directory);
        expect(await refusedStart(directory)).toBe(message);
        await expectUntouched(damaged, join(directory, 'queue'));
        await obey(refusal, message);
        return started(directory, new Outlook(obeyed(refusal, damaged)));
      }

      const logged = async (directory: string): Promise<string[]> =>
        (await readFile(join(directory, 'events.ndjson'), 'utf8'))
          .split('\n')
          .slice(0, -1)
          .map((line) => (JSON.parse(line) as { event_id: string }).event_id);

      function expectBooks(books: Books, outlook: Outlook): void {
        const accepted = image.tail - outlook.base;
        const corrupt = outlook.corrupt('log').size;
        expect(books.sinks.get('log')).toEqual({
          accepted,
          delivered: accepted - corrupt,
          queued: 0,
          dead_lettered: 0,
          purged: 0,
          corrupt,
        });
        expect(books.sinks.get('kafka')).toMatchObject({
          accepted,
          queued: image.tail - outlook.from('kafka'),
        });
      }

      await fc.assert(
        fc.asyncProperty(someDamage, async (all) => {
          const damaged = damage(...all);
          fc.pre(!new Outlook(damaged).estimatesItsEnd);
          const directory = newDirectory();
          await damaged.write(join(directory, 'queue'));

          const [collector, outlook] = await started(directory, new Outlook(damaged));
          await collector.drained('log');
          expectBooks(await balancedBooks(collector), outlook);
          expect(await logged(directory)).toEqual(outlook.delivered('log'));
          const ahead = outlook.corruptUpToTheFirst('kafka');
          const corrupt = new Set([...outlook.corrupt('log'), ...ahead]);
          expect(await collector.metric('gotrack_queue_corrupt_records_total')).toBe(corrupt.size);
          await expectSetAside(damaged, corrupt, join(directory, 'queue'));
          const says = (text: string): boolean => collector.log.some((line) => line.includes(text));
          expect(says('their bytes are kept in')).toBe(corrupt.size > 0);
          expect(says('has no cursors')).toBe(outlook.startsOver);
          tally.add('lost events', corrupt.size);
          tally.add('without cursors', outlook.startsOver ? 1 : 0);
          expect(await collector.stop()).toBe(0);

          const again = await workplace.start(environment(directory));
          await again.drained('log');
          expectBooks(await balancedBooks(again), outlook);
          expect(await again.metric('gotrack_queue_corrupt_records_total')).toBe(ahead.size);
          expect(await logged(directory)).toEqual(outlook.delivered('log'));
          await again.kill();
          await rm(directory, { recursive: true });
        }),
        {
          numRuns: runs(FEW_OF_ALL.length + 2, 200),
          examples: FEW_OF_ALL.map((all) => [all]),
          endOnFailure: true,
        },
      );
      expect(tally.missing(['refused', 'lost events', 'without cursors'])).toEqual([]);
    },
  );
});
