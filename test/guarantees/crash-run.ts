import { expect } from 'vitest';
import { balancedBooks, type Books } from '../support/load/books.js';
import {
  type Collector,
  type Finished,
  promptly,
  until,
  type Workplace,
} from '../support/servers/collector.js';
import type { EventsTable } from '../support/servers/events-table.js';
import { LogTally } from '../support/load/log-tally.js';
import { ENDPOINTS, type Endpoint, MixedLoad } from '../support/load/mixed-load.js';
import type { Random } from '../support/load/random.js';
import type { TopicTally } from '../support/load/topic-tally.js';
import {
  type Life,
  type Moment,
  type MomentName,
  MOMENTS,
  moments,
  NOTHING,
  remainsIn,
} from './crash-moments.js';

export const SINKS = ['log', 'kafka', 'postgres'] as const;
export type SinkName = (typeof SINKS)[number];

interface Bounds {
  readonly atLeast: number;
  readonly atMost: number;
}

/** Beyond the kills that were asked for, when a moment was not hit: none may be so rare. */
const MORE_TRIES = 300;

/** Kills the program again and again, with all sinks on, and keeps the test's own books. */
export class CrashRun {
  readonly sent = new Set<string>();
  readonly acknowledged = new Set<string>();
  readonly acknowledgedBy: Record<Endpoint, number> = { '/px.gif': 0, '/collect': 0 };
  readonly unexpected: string[] = [];
  private readonly tries = new Map<MomentName, number>(MOMENTS.map((name) => [name, 0]));
  readonly hits = new Map<MomentName, number>(MOMENTS.map((name) => [name, 0]));
  readonly log: LogTally;
  kills = 0;
  private remains = NOTHING;
  private readonly errands: Promise<Finished>[] = [];

  /** @param environment tells `BATCH_SIZE` */
  constructor(
    private readonly random: Random,
    private readonly workplace: Workplace,
    private readonly environment: Record<string, string>,
    readonly topic: TopicTally,
    private readonly table: EventsTable,
  ) {
    this.log = new LogTally(workplace.path('data'));
  }

  /** So many times, and until each moment that can come was hit so often. */
  async crash(kills: number, hits: number, refusing: boolean): Promise<void> {
    const enough = this.kills + kills;
    for (let tries = 0; tries < kills + MORE_TRIES; tries += 1) {
      const [name = 'start', ...others] = this.leastHit(refusing);
      if (this.kills >= enough && (this.hits.get(name) ?? 0) >= hits) {
        return;
      }
      // At first there is no queue yet.
      await this.crashIn(this.kills === 0 ? 'start' : this.random.pick([name, ...others]));
    }
  }

  /** A process that is not killed delivers what is left; then its books and the sinks tell the same. */
  async balance({ replaying }: { replaying: boolean }): Promise<void> {
    const collector = await this.workplace.start(this.environment);
    await this.allDrained(collector);
    if (replaying) {
      await this.replayAll(collector);
    }
    const { sinks } = await expectBooksOf(collector, this.accepted);
    await expectToStop(collector);

    await this.count('after a stop');
    const [rows, letters] = await Promise.all([
      this.table.ids(),
      this.workplace.deadLetters('postgres'),
    ]);
    expectSinksToHold(sinks, this.log.copies, rows, new Set(letters));
    this.remains = await remainsIn(this.workplace);
  }

  /** For each moment, how many kills came in it, and how many were meant to. */
  get moments(): string {
    return MOMENTS.map((name) => `${name} ${this.hits.get(name)}/${this.tries.get(name)}`).join();
  }

  /** What the commands said that asked for replays. */
  get errandsDone(): Promise<readonly Finished[]> {
    return Promise.all(this.errands);
  }

  private leastHit(refusing: boolean): readonly MomentName[] {
    const possible = MOMENTS.filter(
      (name) => moments[name].canCome?.(this.remains, refusing) ?? true,
    );
    const least = Math.min(...possible.map((name) => this.hits.get(name) ?? 0));
    return possible.filter((name) => this.hits.get(name) === least);
  }

  private async crashIn(name: MomentName): Promise<void> {
    const moment = moments[name];
    const { random, workplace, environment, remains: before } = this;
    const collector = workplace.launch(environment);
    const load = new MixedLoad(random, moment.mix);
    const askForReplay = (): void => {
      this.errands.push(workplace.run(['dead-letters', 'replay', 'postgres'], environment));
    };
    const life = { workplace, collector, load, random, before, askForReplay };
    await this.begin(life, moment);
    await moment.come(life);
    await collector.kill();
    await load.stop();
    await this.takeStock(name, life);
  }

  private async begin({ collector, load }: Life, { early }: Moment): Promise<void> {
    const up = promptly(collector, () => collector.port > 0);
    if (early) {
      up.then(
        () => load.start(collector.port),
        () => undefined,
      );
      return;
    }
    await up;
    await expectBooksOf(collector, this.accepted);
    load.start(collector.port);
    await expectBooksToFollow(collector, load);
  }

  /** How many events the program has to have taken so far, and may have. */
  private get accepted(): Bounds {
    return { atLeast: this.acknowledged.size, atMost: this.sent.size };
  }

  private async takeStock(name: MomentName, life: Life): Promise<void> {
    const { collector, load } = life;
    for (const id of load.sent) {
      this.sent.add(id);
    }
    for (const id of load.acknowledged) {
      this.acknowledged.add(id);
    }
    for (const endpoint of ENDPOINTS) {
      this.acknowledgedBy[endpoint] += load.by[endpoint].acknowledged;
    }
    this.unexpected.push(...load.unexpected);
    await this.count(`killed in ${name}`);
    this.remains = await remainsIn(this.workplace);
    this.tries.set(name, (this.tries.get(name) ?? 0) + 1);
    if (collector.end === 'SIGKILL') {
      this.kills += 1;
      if (moments[name].wasHit(life, this.remains)) {
        this.hits.set(name, (this.hits.get(name) ?? 0) + 1);
      }
    }
  }

  /** What the process that has just ended wrote. */
  private async count(what: string): Promise<void> {
    await this.topic.mark();
    expectFew(await this.log.count(), Number(this.environment['BATCH_SIZE']), what);
  }

  private async allDrained(collector: Collector): Promise<void> {
    await drainedAtLength(collector);
    await until(async () => {
      await drainedAtLength(collector);
      const { replayed, replayAsked } = await remainsIn(this.workplace);
      return replayed === undefined && !replayAsked;
    });
  }

  /** Until there are none: what a crash has left there twice is replayed twice. */
  private async replayAll(collector: Collector): Promise<void> {
    for (let letters = await this.letters(); letters > 0;) {
      await this.workplace.run(['dead-letters', 'replay', 'postgres'], this.environment);
      await this.allDrained(collector);
      const left = await this.letters();
      if (left >= letters) {
        throw new Error(`${left} of ${letters} dead letters are still there after their replay`);
      }
      letters = left;
    }
  }

  private async letters(): Promise<number> {
    return (await this.workplace.deadLetters('postgres')).length;
  }
}

/** When nothing is sent: they tell what earlier processes took. */
async function expectBooksOf(collector: Collector, { atLeast, atMost }: Bounds): Promise<Books> {
  const books = await balancedBooks(collector);
  const accepted = books.sinks.get('log')?.accepted;
  expect(accepted).toBeGreaterThanOrEqual(atLeast);
  expect(accepted).toBeLessThanOrEqual(atMost);
  for (const sink of SINKS) {
    expect(books.sinks.get(sink)).toMatchObject({ accepted, purged: 0, corrupt: 0 });
  }
  return books;
}

/** Under load they are between what was answered before and what was sent until then. */
async function expectBooksToFollow(collector: Collector, { by }: MixedLoad): Promise<void> {
  await promptly(collector, () => ENDPOINTS.every((endpoint) => by[endpoint].acknowledged > 0));
  const answered = ENDPOINTS.map((endpoint) => by[endpoint].acknowledged);
  const { endpoints } = await balancedBooks(collector);
  for (const [index, endpoint] of ENDPOINTS.entries()) {
    const book = endpoints.get(endpoint);
    expect(book?.accepted).toBeGreaterThanOrEqual(answered[index] ?? Infinity);
    expect(book?.accepted).toBeLessThanOrEqual(by[endpoint].sent);
    expect(book?.rejected).toBeLessThanOrEqual(by[endpoint].invalid);
  }
}

/** Waits as long as something gets less: dead letters are written one by one, and there may be many. */
async function drainedAtLength(collector: Collector): Promise<void> {
  const queued = (): Promise<number> =>
    collector.metric('gotrack_ledger_events', { state: 'queued' });
  for (let left = await queued(); left > 0; left = await queued()) {
    const before = left;
    await until(async () => (await queued()) < before);
  }
}

async function expectToStop(collector: Collector): Promise<void> {
  expect(await collector.stop()).toBe(0);
}

/** Once everything is delivered. */
function expectSinksToHold(
  books: Books['sinks'],
  log: ReadonlyMap<string, number>,
  rows: readonly string[],
  letters: ReadonlySet<string>,
): void {
  const accepted = log.size;
  const whole = { accepted, delivered: accepted, queued: 0, dead_lettered: 0 };
  expect(books.get('log')).toMatchObject(whole);
  expect(books.get('kafka')).toMatchObject(whole);
  const postgres = { ...whole, delivered: rows.length, dead_lettered: letters.size };
  expect(books.get('postgres')).toMatchObject(postgres);
  expect(missing(log.keys(), new Set([...rows, ...letters]))).toEqual([]);
}

/** What a process repeats is what the kill of the one before has interrupted. */
function expectFew(repeated: number, bound: number, what: string): void {
  expect(repeated, `lines that were written again, ${what}`).toBeLessThanOrEqual(bound);
}

/** The first of them: there may be very many. */
export function missing(wanted: Iterable<string>, found: ReadonlySet<string>): string[] {
  return [...wanted].filter((id) => !found.has(id)).slice(0, 10);
}
