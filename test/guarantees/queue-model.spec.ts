import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  Append,
  BeginReplay,
  type Command,
  Commit,
  Crash,
  Deliver,
  DiskBreaks,
  DiskMends,
  Drain,
  drainQueue,
  EndReplay,
  Join,
  Leave,
  NewestSlotIsDamaged,
  Purge,
  Read,
  type Remains,
  Restart,
  SettleReplay,
} from '../support/disk/queue-commands.js';
import {
  beginQueue,
  type Model,
  type Real,
  removeQueue,
  type Settling,
  type SinkName,
  tally,
} from '../support/disk/queue-model.js';
import { runs } from './runs.js';

vi.mock('node:fs', async (load) => {
  const real = await load<typeof import('node:fs')>();
  const { disk } = await import('../support/disk/unreliable-disk.js');
  return { ...real, ...disk.callbacks(real) };
});

vi.mock('node:fs/promises', async (load) => {
  const real = await load<typeof import('node:fs/promises')>();
  const fs = await vi.importActual<typeof import('node:fs')>('node:fs');
  const { disk } = await import('../support/disk/unreliable-disk.js');
  return { ...real, ...disk.promises(real, fs) };
});

const share = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const sometimes = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: share },
);
const settling: fc.Arbitrary<Settling> = fc.record(
  { part: share, deadLettered: sometimes, purged: sometimes, replayed: sometimes },
  { noNullPrototype: true },
);
const eventBytes = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 200 }) },
  { weight: 1, arbitrary: fc.nat({ max: 30_000 }) },
);
const calls = (maxLength: number): fc.Arbitrary<number[][]> =>
  fc.array(fc.array(eventBytes, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength });
const anySink = fc.constantFrom<SinkName>('a', 'a', 'b', 'b', 'c');

const append = fc.tuple(calls(4), fc.boolean()).map((args) => new Append(...args));
const read = fc
  .tuple(
    anySink,
    fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant(500)),
    fc.oneof(fc.integer({ min: 1, max: 60_000 }), fc.constant(4 * 1024 * 1024)),
  )
  .map((args) => new Read(...args));
const commit = fc.tuple(anySink, settling).map((args) => new Commit(...args));
const crash = fc
  .tuple(
    calls(5),
    fc.array(settling, { maxLength: 3 }),
    fc.constantFrom(true, true, false),
    fc.nat({ max: 12 }),
    fc.boolean(),
    fc.array(fc.constantFrom<Remains>('whole', 'cut', 'zero', 'garbage', 'pages'), {
      minLength: 1,
      maxLength: 4,
    }),
    share,
    fc.nat(),
  )
  .map((args) => new Crash(...args));
const replays: readonly fc.Arbitrary<Command>[] = [
  fc.tuple(anySink, fc.nat({ max: 3 })).map((args) => new BeginReplay(...args)),
  fc.tuple(anySink, share, sometimes).map((args) => new SettleReplay(...args)),
  fc.tuple(anySink, share, sometimes).map((args) => new SettleReplay(...args)),
  anySink.map((name) => new EndReplay(name)),
  anySink.map((name) => new Purge(name)),
];
const restarts: readonly fc.Arbitrary<Command>[] = [
  crash,
  crash,
  crash,
  fc.constant(new Restart()),
  fc.nat().map((at) => new NewestSlotIsDamaged(at)),
  anySink.map((name) => new Join(name)),
  anySink.map((name) => new Leave(name)),
];
const often = (arbitrary: fc.Arbitrary<Command>, times: number): fc.Arbitrary<Command>[] =>
  Array.from({ length: times }, () => arbitrary);

const COMMANDS = [
  ...often(append, 7),
  ...often(read, 8),
  ...often(commit, 7),
  ...often(
    fc.tuple(anySink, sometimes).map((args) => new Deliver(...args)),
    3,
  ),
  fc.constant(new Drain()),
  ...replays,
  ...restarts,
  fc.constantFrom<'write' | 'sync'>('write', 'sync').map((at) => new DiskBreaks(at)),
  // Most of them come while the disk works, and are left out.
  ...often(
    fc.nat({ max: 2 }).map((probes) => new DiskMends(probes)),
    6,
  ),
];

/** Without these the runs would prove little. */
const HAS_TO_HAPPEN = [
  'crashes with an append in flight',
  'crashes with a commit in flight',
  'crashes behind an answer',
  'events that nobody was told of came back',
  'commits that nobody was told of came back',
  'events in flight that were lost',
  'blocks that are damaged',
  'slots that are damaged',
  'segments that came back',
  'damaged events',
  'full',
  'full queues that took events again',
  'refused by a failing disk',
  'failed commits',
  'recoveries',
  'commits within a batch',
  'dead letters',
  'replayed events',
  'replayed events that were refused again',
  'Restart',
  'NewestSlotIsDamaged',
  'Join',
  'sinks that left',
  'forgotten sinks',
];

const settled = (part: number): Settling => ({ part, deadLettered: 0, purged: 0, replayed: 0 });

/** A crash while an append and a commit are under way, or right after their answers. */
function crashed(
  turns: 'written' | 'answered',
  power: boolean,
  remains: readonly Remains[] = ['whole'],
  damagedFrom = 0,
): Command[] {
  const held = turns === 'written';
  return [
    new Append([[10, 20, 30]], false),
    new Read('a', 3, 1000),
    new Crash([[10, 20, 30]], [settled(1)], held, turns, power, remains, damagedFrom, 1),
  ];
}

/** What comes together rarely, and whatever has to happen: the random ones may miss it. */
const EXAMPLES: [Iterable<fc.AsyncCommand<Model, Real>>][] = [
  [
    [
      new Append([[10, 20, 30, 40, 50, 60]], false),
      new Deliver('a', 0.5),
      new BeginReplay('a', 2),
      new Append([[10, 20, 30]], false),
      new Read('a', 3, 1000),
      new Commit('a', { part: 1, deadLettered: 0, purged: 0.5, replayed: 0.5 }),
      new SettleReplay('a', 0.5, 0.5),
      new Restart(),
      new SettleReplay('a', 1, 0.5),
      new EndReplay('a'),
      new Purge('a'),
      new Leave('a'),
      new Leave('b'),
    ],
  ],
  [crashed('written', false)],
  [crashed('written', true, ['cut', 'zero'])],
  [crashed('written', true, ['garbage'], 0.7)],
  [crashed('answered', false)],
  [
    [
      ...Array.from({ length: 4 }, () => new Append([[30_000, 30_000], [30_000]], false)),
      new Drain(),
      new Crash([[10]], [], true, 1, true, ['whole'], 0, 0),
    ],
  ],
  [
    [
      new Append([[10, 20, 30]], false),
      new Read('a', 3, 1000),
      new Commit('a', settled(0.5)),
      new NewestSlotIsDamaged(3),
    ],
  ],
  [
    [
      new Append([[10, 20]], false),
      new Read('a', 2, 1000),
      new DiskBreaks('sync'),
      new Append([[10]], false),
      new DiskMends(1),
      new DiskBreaks('sync'),
      new Commit('a', settled(1)),
      new Restart(),
      new Leave('a'),
      new Join('c'),
    ],
  ],
  // A commit that had failed went to disk with that of another sink, and the segment it was in was given back.
  [
    [
      new Append([[10]], false),
      new Deliver('a', 0.5),
      new DiskBreaks('write'),
      new Read('b', 500, 1000),
      new Commit('b', settled(1)),
      new Append([[10]], false),
      new DiskMends(0),
      new Purge('a'),
      new Purge('b'),
    ],
  ],
];

describe('the queue', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it(
    'behaves like a list with one place for each sink, whatever comes, also across crashes and failures of its disk',
    { timeout: runs(600_000, 1_200_000) },
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.commands(COMMANDS, { maxCommands: 100, size: 'max' }),
          async (commands) => {
            const { model, real } = await beginQueue();
            try {
              await fc.asyncModelRun(() => ({ model, real }), commands);
              await drainQueue(model, real);
            } finally {
              await removeQueue(model, real);
            }
          },
        ),
        { numRuns: runs(120, 3000), examples: EXAMPLES },
      );
      expect(tally.missing(HAS_TO_HAPPEN)).toEqual([]);
    },
  );
});
