import fc from 'fast-check';
import {
  Append,
  BeginReplay,
  type Command,
  Commit,
  Deliver,
  Drain,
  drainQueue,
  EndReplay,
  Join,
  Leave,
  Peek,
  Purge,
  Read,
  Restart,
  SettleReplay,
} from './queue-commands.js';
import type { QueueHarness } from './queue-harness.js';
import {
  beginQueue,
  type Model,
  type Real,
  removeQueue,
  type Settling,
  type SinkName,
} from './queue-model.js';

export const share = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const sometimes = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: share },
);
export const settling: fc.Arbitrary<Settling> = fc.record(
  { part: share, deadLettered: sometimes, purged: sometimes, replayed: sometimes },
  { noNullPrototype: true },
);
const eventBytes = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 200 }) },
  { weight: 1, arbitrary: fc.nat({ max: 30_000 }) },
);
export const calls = (maxLength: number): fc.Arbitrary<number[][]> =>
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
const peek = fc
  .tuple(
    anySink,
    share,
    fc.integer({ min: 1, max: 30 }),
    fc.oneof(fc.integer({ min: 1, max: 60_000 }), fc.constant(4 * 1024 * 1024)),
  )
  .map((args) => new Peek(...args));
const commit = fc.tuple(anySink, settling).map((args) => new Commit(...args));
const replays: readonly fc.Arbitrary<Command>[] = [
  fc.tuple(anySink, fc.nat({ max: 3 })).map((args) => new BeginReplay(...args)),
  fc.tuple(anySink, share, sometimes).map((args) => new SettleReplay(...args)),
  fc.tuple(anySink, share, sometimes).map((args) => new SettleReplay(...args)),
  anySink.map((name) => new EndReplay(name)),
  anySink.map((name) => new Purge(name)),
];

export const often = <T>(arbitrary: fc.Arbitrary<T>, times: number): fc.Arbitrary<T>[] =>
  Array.from({ length: times }, () => arbitrary);

/** What can come to the readers of any driver's queue. */
export const READERS_COMMANDS: readonly fc.Arbitrary<Command>[] = [
  ...often(append, 7),
  ...often(read, 8),
  ...often(peek, 3),
  ...often(commit, 7),
  ...often(
    fc.tuple(anySink, sometimes).map((args) => new Deliver(...args)),
    3,
  ),
  fc.constant(new Drain()),
  ...replays,
  fc.constant(new Restart()),
  anySink.map((name) => new Join(name)),
];

/** What can come to a queue with a bound, whose sinks leave it only when they have everything. */
export const COMMANDS: readonly fc.Arbitrary<Command>[] = [
  ...READERS_COMMANDS,
  anySink.map((name) => new Leave(name)),
];

/** Without these the runs would prove little. The examples alone make each of them happen. */
export const READERS_HAS_TO_HAPPEN = [
  'events that were peeked at',
  'commits within a batch',
  'dead letters',
  'replayed events',
  'replayed events that were refused again',
  'Restart',
  'Join',
];
export const HAS_TO_HAPPEN = [
  ...READERS_HAS_TO_HAPPEN,
  'full',
  'full queues that took events again',
  'sinks that left',
  'forgotten sinks',
];

type Commands<R extends Real> = Iterable<fc.AsyncCommand<Model, R>>;

/** What comes together rarely. */
export const EXAMPLES: [Commands<Real>][] = [
  [
    [
      new Append([[10, 20, 30, 40, 50, 60]], false),
      new Deliver('a', 0.5),
      new BeginReplay('a', 2),
      new Append([[10, 20, 30]], false),
      new Peek('a', 0.5, 2, 1000),
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
  [
    [
      ...Array.from({ length: 4 }, () => new Append([[30_000, 30_000], [30_000]], false)),
      new Drain(),
    ],
  ],
  [
    [
      new Join('c'),
      new Append([[10, 20, 30, 40]], false),
      new Read('c', 4, 1000),
      new Commit('c', { part: 0.5, deadLettered: 0, purged: 0, replayed: 0 }),
      new Leave('c'),
      new Deliver('a', 0),
      new Leave('a'),
    ],
  ],
];

export const READERS_EXAMPLES: [Commands<Real>][] = EXAMPLES.map(([commands]) => [
  [...commands].filter((command) => !(command instanceof Leave)),
]);

/** Runs random commands on a queue and on the model, which have to agree after each. */
export async function checkAgainstModel<Harness extends QueueHarness>(
  createHarness: () => Promise<Harness>,
  commands: readonly fc.Arbitrary<fc.AsyncCommand<Model, Real<Harness>>>[],
  parameters: { readonly numRuns: number; readonly examples: [Commands<Real<Harness>>][] },
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.commands([...commands], { maxCommands: 100, size: 'max' }),
      async (chosen) => {
        const { model, real } = await beginQueue(await createHarness());
        try {
          await fc.asyncModelRun(() => ({ model, real }), chosen);
          await drainQueue(model, real);
        } finally {
          await removeQueue(real);
        }
      },
    ),
    parameters,
  );
}
