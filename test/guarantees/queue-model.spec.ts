import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  Crash,
  DiskBreaks,
  DiskRecovers,
  type EmbeddedReal,
  NewestSlotIsDamaged,
  type Remains,
} from '../support/disk/embedded-commands.js';
import { EmbeddedHarness } from '../support/disk/embedded-harness.js';
import {
  calls,
  checkAgainstModel,
  COMMANDS,
  EXAMPLES,
  HAS_TO_HAPPEN,
  often,
  settling,
  share,
} from '../support/disk/queue-arbitraries.js';
import {
  Append,
  type Command,
  Commit,
  Deliver,
  Drain,
  Join,
  Leave,
  Purge,
  Read,
  Restart,
} from '../support/disk/queue-commands.js';
import { type Model, type Settling, tally } from '../support/disk/queue-model.js';
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
const EMBEDDED_COMMANDS: readonly fc.Arbitrary<Command<EmbeddedReal>>[] = [
  ...often(crash, 3),
  fc.nat().map((at) => new NewestSlotIsDamaged(at)),
  fc.constantFrom<'write' | 'sync'>('write', 'sync').map((at) => new DiskBreaks(at)),
  // Most of them come while the disk works, and are left out.
  ...often(
    fc.nat({ max: 2 }).map((probes) => new DiskRecovers(probes)),
    6,
  ),
];

const EMBEDDED_HAS_TO_HAPPEN = [
  'crashes with an append in flight',
  'crashes with a commit in flight',
  'crashes after an answer',
  'unconfirmed events that came back',
  'unconfirmed commits that came back',
  'events in flight that were lost',
  'blocks that are damaged',
  'slots that are damaged',
  'segments that came back',
  'damaged events',
  'refused by a failing disk',
  'failed commits',
  'recoveries',
  'NewestSlotIsDamaged',
];

const settled = (part: number): Settling => ({ part, deadLettered: 0, purged: 0, replayed: 0 });

/** A crash while an append and a commit are under way, or right after their answers. */
function crashed(
  turns: 'written' | 'answered',
  power: boolean,
  remains: readonly Remains[] = ['whole'],
  damagedFrom = 0,
): fc.AsyncCommand<Model, EmbeddedReal>[] {
  const held = turns === 'written';
  return [
    new Append([[10, 20, 30]], false),
    new Read('a', 3, 1000),
    new Crash([[10, 20, 30]], [settled(1)], held, turns, power, remains, damagedFrom, 1),
  ];
}

/** What has to happen, whatever the random ones meet. */
const EMBEDDED_EXAMPLES: [Iterable<fc.AsyncCommand<Model, EmbeddedReal>>][] = [
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
      new DiskRecovers(1),
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
      new DiskRecovers(0),
      new Purge('a'),
      new Purge('b'),
    ],
  ],
];

describe('the embedded queue', () => {
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
      await checkAgainstModel(() => EmbeddedHarness.create(), [...COMMANDS, ...EMBEDDED_COMMANDS], {
        numRuns: runs(120, 3000),
        examples: [...EXAMPLES, ...EMBEDDED_EXAMPLES],
      });
      expect(tally.missing([...HAS_TO_HAPPEN, ...EMBEDDED_HAS_TO_HAPPEN])).toEqual([]);
    },
  );
});
