import { statSync, watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CursorFile } from '../../src/queueing/embedded/cursor-file.js';
import { DeadLetterRequests } from '../../src/disk/dead-letter-requests.js';
import { deadLetterPath, REPLAY_SUFFIX } from '../../src/disk/dead-letter-paths.js';
import { type Collector, promptly, type Workplace } from '../support/servers/collector.js';
import type { Mix, MixedLoad } from '../support/load/mixed-load.js';
import type { Random } from '../support/load/random.js';

export const MOMENTS = ['load', 'start', 'drain', 'rotation', 'dead letters', 'replay'] as const;
export type MomentName = (typeof MOMENTS)[number];

/** Whose dead letters are written and replayed. */
const SINK = 'postgres';
const LETTERS_DIRECTORY = 'data/dead-letters';
const LETTERS_FILE = deadLetterPath(LETTERS_DIRECTORY, SINK);

/** One process, from its start to its kill. */
export interface Life {
  readonly workplace: Workplace;
  readonly collector: Collector;
  readonly load: MixedLoad;
  readonly random: Random;
  /** What the process before it has left. */
  readonly before: Remains;
  /** `dead-letters replay postgres`, as an operator would; it ends some time later. */
  readonly askForReplay: () => void;
}

/** What a killed process has left. */
export interface Remains {
  /** Of the log sink's current file; 0 also when there is none. */
  readonly logBytes: number;
  /** Lines in the dead letters of PostgreSQL. */
  readonly letters: number;
  /** How many of them its lane had committed. */
  readonly committedLetters: number;
  /** The replay that is under way, and how far it is. */
  readonly replayed: string | undefined;
  /** Another replay was asked for. */
  readonly replayAsked: boolean;
}

export const NOTHING: Remains = {
  logBytes: 0,
  letters: 0,
  committedLetters: 0,
  replayed: undefined,
  replayAsked: false,
};

/** When a process is killed. */
export interface Moment {
  readonly mix: Mix;
  /** Always, when it is left out. */
  readonly canCome?: (remains: Remains, refusing: boolean) => boolean;
  /** Resolves when it is to be killed. Called once it is ready, or once it was launched when `early`. */
  readonly early?: boolean;
  come(life: Life): Promise<void>;
  /** Whether the kill came in it, told from what the process has said and left. */
  wasHit(life: Life, after: Remains): boolean;
}

const ORDINARY: Mix = { badShare: 0.04, textBytes: 100 };
/** Enough for a replay of several batches. */
const SOME_LETTERS = 40;

export const moments: Readonly<Record<MomentName, Moment>> = {
  load: {
    mix: ORDINARY,
    async come({ collector, load, random }) {
      const enough = 10 + random.below(150);
      await promptly(collector, () => load.acknowledged.size >= enough);
      await sleep(random.below(40));
    },
    // Requests were under way.
    wasHit: ({ load }) => load.acknowledged.size > 0 && load.cut > 0,
  },

  start: {
    mix: ORDINARY,
    early: true,
    async come({ collector, random }) {
      await promptly(collector, () => hasSaid(collector, 'metrics listens on'));
      await sleep(random.below(50));
    },
    // The queue is opened and the lanes begin between the two.
    wasHit: ({ collector }) => !hasSaid(collector, 'collector listens on'),
  },

  drain: {
    mix: ORDINARY,
    async come({ collector, load, random }) {
      await promptly(collector, () => load.acknowledged.size >= 100);
      collector.signal('SIGTERM');
      await promptly(collector, () => hasSaid(collector, 'shutting down'));
      await sleep(random.below(50));
    },
    wasHit: ({ collector }) => !hasSaid(collector, '"stopped"'),
  },

  rotation: {
    mix: { badShare: 0.01, textBytes: 20_000 },
    async come({ workplace, collector, random }) {
      const rotations = 1 + random.below(2);
      await changes(collector, workplace.path('data'), rotations, (name) =>
        /^events-.*\.ndjson$/.test(name),
      );
      if (random.chance(0.5)) {
        await sleep(random.below(4));
      }
    },
    // The old file has its new name, and nothing is in the new one yet.
    wasHit: (_life, after) => after.logBytes === 0,
  },

  'dead letters': {
    mix: { badShare: 0.25, textBytes: 100 },
    canCome: (_remains, refusing) => refusing,
    async come({ workplace, collector, random }) {
      await promptly(collector, () => sizeOf(workplace.path(LETTERS_FILE)) > 0);
      const letters = 1 + random.below(8);
      await changes(
        collector,
        workplace.path(LETTERS_DIRECTORY),
        letters,
        (name) => name === `${SINK}.ndjson`,
      );
      if (random.chance(0.5)) {
        await sleep(random.below(3));
      }
    },
    // Some are written, and the lane's position is not yet after their events.
    wasHit: ({ before }, after) =>
      before.replayed === undefined &&
      after.replayed === undefined &&
      after.letters - before.letters > after.committedLetters - before.committedLetters,
  },

  replay: {
    mix: ORDINARY,
    early: true,
    canCome: ({ letters, replayed }) => letters >= SOME_LETTERS || replayed !== undefined,
    async come({ workplace, collector, random, before, askForReplay }) {
      if (before.replayed === undefined) {
        const begun = changes(collector, workplace.path(LETTERS_DIRECTORY), 1, isReplay);
        if (random.chance(0.25)) {
          await promptly(collector, () => collector.port > 0);
          askForReplay();
        } else {
          await requestsIn(workplace).make(SINK, 'replay');
        }
        await begun;
      }
      // Each batch of a replay is committed; so is the start, and what the other lanes do.
      await changes(
        collector,
        workplace.path('data/queue'),
        3 + random.below(6),
        (name) => name === 'cursors',
      );
    },
    // Begun, or farther than before, and not over.
    wasHit: ({ before }, after) =>
      after.replayed !== undefined && after.replayed !== before.replayed,
  },
};

/** When a process has ended; while one runs, what it would leave. */
export async function remainsIn(workplace: Workplace): Promise<Remains> {
  const { cursors } = await CursorFile.load(workplace.path('data/queue'));
  const letters = await readFile(workplace.path(LETTERS_FILE), 'utf8').catch(ifMissing(''));
  const names = await readdir(workplace.path(LETTERS_DIRECTORY)).catch(ifMissing([]));
  const { deadLettered = 0, replay } = cursors[SINK] ?? {};
  const file = names.find(isReplay);
  return {
    logBytes: sizeOf(workplace.path('data/events.ndjson')),
    letters: letters.split('\n').length - 1,
    committedLetters: deadLettered,
    replayed: file && `${file} ${replay?.file === file ? replay.offset : 'not begun'}`,
    replayAsked: await requestsIn(workplace).isMade(SINK, 'replay'),
  };
}

function requestsIn(workplace: Workplace): DeadLetterRequests {
  return new DeadLetterRequests(workplace.path(LETTERS_DIRECTORY));
}

const isReplay = (name: string): boolean => name.endsWith(REPLAY_SUFFIX);

function hasSaid({ log }: Collector, words: string): boolean {
  return log.some((line) => line.includes(words));
}

/** Waits for the last of so many changes of files with such names, from now on. */
async function changes(
  collector: Collector,
  directory: string,
  count: number,
  isMeant: (name: string) => boolean,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  const watcher = watch(directory, (_kind, name) => {
    left -= isMeant(name ?? '') ? 1 : 0;
    if (left <= 0) {
      resolve();
    }
  });
  try {
    await Promise.race([promise, promptly(collector, () => left <= 0)]);
  } finally {
    watcher.close();
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function ifMissing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') {
      return value;
    }
    throw error;
  };
}
