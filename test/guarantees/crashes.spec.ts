import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { balancedBooks, type Books } from '../support/books.js';
import { type Collector, type Finished, promptly, until, Workplace } from '../support/collector.js';
import { KafkaBroker } from '../support/kafka-broker.js';
import { LogTally } from '../support/log-tally.js';
import { ENDPOINTS, type Endpoint, MixedLoad } from '../support/mixed-load.js';
import { type PostgresServer, startPostgres, uniqueName } from '../support/postgres-server.js';
import { Random } from '../support/random.js';
import {
  type Life,
  type Moment,
  type MomentName,
  MOMENTS,
  moments,
  NOTHING,
  remainsIn,
} from './crash-moments.js';
import { runs } from './runs.js';

/** In each round, the first kills come while PostgreSQL refuses what is bad, the others once it takes it. */
const ROUNDS = runs(1, 25);
const KILLS = { refusing: 12, taking: 8 };
/** Tries of a round beyond its kills, when one of the moments was not hit. */
const MORE_TRIES = 30;
const SEED = Number(process.env['CRASHES_SEED'] ?? Date.now() % 1_000_000);

const SINKS = ['log', 'kafka', 'postgres'] as const;
type SinkName = (typeof SINKS)[number];
/** Of the log and of Kafka, which have the repetitions; so small that most batches are full. */
const BATCH_SIZE = 10;

const [postgres, kafka] = await Promise.all([startPostgres(), KafkaBroker.start()]);
afterAll(() => Promise.all([postgres?.stop(), kafka?.stop()]));

const database = (): PostgresServer => postgres as PostgresServer;
const broker = (): KafkaBroker => kafka as KafkaBroker;

let workplace: Workplace;
let table: string;
let topic: string;
let environment: Record<string, string>;

beforeEach(async () => {
  workplace = await Workplace.create();
  [table, topic] = [uniqueName('crashes'), uniqueName('crashes')];
  await database().query(
    `create table ${table} (id bigserial primary key, event_id uuid unique not null,
       ts timestamptz not null default now(), payload jsonb not null)`,
  );
  environment = {
    OUTPUTS: SINKS.join(),
    PG_DSN: database().dsn,
    PG_TABLE: table,
    PG_BATCH_SIZE: '25',
    PG_FLUSH_MS: '10',
    KAFKA_BROKERS: broker().address(),
    KAFKA_TOPIC: topic,
    BATCH_SIZE: String(BATCH_SIZE),
    FLUSH_INTERVAL_MS: '10',
    LOG_ROTATE_MB: '1',
    QUEUE_MAX_MB: '16',
  };
});

afterEach(async () => {
  await workplace.remove();
  await database().query(`drop table if exists ${table}`);
});

/** What is bad in the table stays. */
async function refuseBad(): Promise<void> {
  await database().query(
    `alter table ${table} add constraint only_good check (not payload @? '$.props.bad') not valid`,
  );
}

async function takeBad(): Promise<void> {
  await database().query(`alter table ${table} drop constraint only_good`);
}

async function allDrained(collector: Collector): Promise<void> {
  for (const sink of SINKS) {
    await collector.drained(sink);
  }
  await until(async () => (await remainsIn(workplace)).replayed === undefined);
}

/** Until there are none: what a crash has left there twice is replayed twice. */
async function replayAll(collector: Collector): Promise<void> {
  while ((await workplace.deadLetters('postgres')).length > 0) {
    await workplace.run(['dead-letters', 'replay', 'postgres'], environment);
    await allDrained(collector);
  }
}

/** As PostgreSQL and Kafka hold them; one that is there twice is named twice. */
async function idsInTable(): Promise<string[]> {
  const rows = await database().query<{ id: string }>(
    `select payload->>'event_id' as id from ${table}`,
  );
  return rows.map(({ id }) => id);
}

async function idsInTopic(): Promise<string[]> {
  return (await broker().recordsOf(topic)).map(({ key }) => key ?? '');
}

/** The first of them: there may be very many. */
function missing(wanted: Iterable<string>, found: ReadonlySet<string>): string[] {
  return [...wanted].filter((id) => !found.has(id)).slice(0, 10);
}

/** Kills the program again and again, and keeps the test's own books. */
class Crashes {
  readonly sent = new Set<string>();
  readonly acknowledged = new Set<string>();
  readonly acknowledgedBy: Record<Endpoint, number> = { '/px.gif': 0, '/collect': 0 };
  readonly unexpected: string[] = [];
  readonly tries = new Map<MomentName, number>(MOMENTS.map((name) => [name, 0]));
  readonly hits = new Map<MomentName, number>(MOMENTS.map((name) => [name, 0]));
  readonly log = new LogTally(workplace.path('data'));
  kills = 0;
  private remains = NOTHING;
  private readonly errands: Promise<Finished>[] = [];

  constructor(private readonly random: Random) {}

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
    const collector = await workplace.start(environment);
    await allDrained(collector);
    if (replaying) {
      await replayAll(collector);
    }
    const { sinks } = await this.readBooks(collector);
    expect(await collector.stop()).toBe(0);

    await this.countLog('after a stop');
    const { size: accepted } = this.log.copies;
    const whole = { accepted, delivered: accepted, queued: 0, dead_lettered: 0 };
    expect(sinks.get('log')).toMatchObject(whole);
    expect(sinks.get('kafka')).toMatchObject(whole);

    const rows = await idsInTable();
    const letters = new Set(await workplace.deadLetters('postgres'));
    expect(sinks.get('postgres')).toMatchObject({
      ...whole,
      delivered: rows.length,
      dead_lettered: letters.size,
    });
    expect(missing(this.log.copies.keys(), new Set([...rows, ...letters]))).toEqual([]);
    this.remains = await remainsIn(workplace);
  }

  /** Whether the commands that asked for replays have ended well. */
  async errandsDone(): Promise<void> {
    for (const { exitCode, stderr } of await Promise.all(this.errands)) {
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    }
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
    const { random, remains: before } = this;
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
    await this.readBooks(collector);
    load.start(collector.port);
    await this.readBooksUnderLoad(collector, load);
  }

  /** When nothing is sent: what earlier processes took. */
  private async readBooks(collector: Collector): Promise<Books> {
    const books = await balancedBooks(collector);
    const accepted = books.sinks.get('log')?.accepted;
    expect(accepted).toBeGreaterThanOrEqual(this.acknowledged.size);
    expect(accepted).toBeLessThanOrEqual(this.sent.size);
    for (const sink of SINKS) {
      expect(books.sinks.get(sink)).toMatchObject({ accepted, purged: 0, corrupt: 0 });
    }
    return books;
  }

  private async readBooksUnderLoad(collector: Collector, load: MixedLoad): Promise<void> {
    await promptly(collector, () =>
      ENDPOINTS.every((endpoint) => load.by[endpoint].acknowledged > 0),
    );
    const before = ENDPOINTS.map((endpoint) => load.by[endpoint].acknowledged);
    const { endpoints } = await balancedBooks(collector);
    for (const [index, endpoint] of ENDPOINTS.entries()) {
      const book = endpoints.get(endpoint);
      expect(book?.accepted).toBeGreaterThanOrEqual(before[index] ?? Infinity);
      expect(book?.accepted).toBeLessThanOrEqual(load.by[endpoint].sent);
      expect(book?.rejected).toBeLessThanOrEqual(load.by[endpoint].invalid);
    }
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
    await this.countLog(`killed in ${name}`);
    this.remains = await remainsIn(workplace);
    this.tries.set(name, (this.tries.get(name) ?? 0) + 1);
    if (collector.end === 'SIGKILL') {
      this.kills += 1;
      if (moments[name].wasHit(life, this.remains)) {
        this.hits.set(name, (this.hits.get(name) ?? 0) + 1);
      }
    }
  }

  /** What a process has repeated is what the kill of the one before it has interrupted. */
  private async countLog(what: string): Promise<void> {
    expect(
      await this.log.count(),
      `lines that a process has repeated, ${what}`,
    ).toBeLessThanOrEqual(BATCH_SIZE);
  }
}

describe.skipIf(!postgres || !kafka)('kill -9', () => {
  it(
    'at any moment loses nothing for any sink, and repeats at most a batch',
    { timeout: 3_600_000 },
    async () => {
      onTestFailed(() => {
        process.stderr.write(`kills as planned by CRASHES_SEED=${SEED}\n`);
      });
      await broker().createTopic(topic, { partitions: 3 });
      const crashes = new Crashes(new Random(SEED));
      for (let round = 1; round <= ROUNDS; round += 1) {
        await refuseBad();
        await crashes.crash(KILLS.refusing, round, true);
        await crashes.balance({ replaying: false });
        await takeBad();
        await crashes.crash(KILLS.taking, round, false);
        await crashes.balance({ replaying: true });
      }
      await crashes.errandsDone();

      const { sent, acknowledged, log, kills } = crashes;
      const [rows, records] = [await idsInTable(), await idsInTopic()];
      const found: Record<SinkName, ReadonlySet<string>> = {
        log: new Set(log.copies.keys()),
        kafka: new Set(records),
        postgres: new Set(rows),
      };
      for (const sink of SINKS) {
        expect(missing(acknowledged, found[sink]), `acknowledged, not in ${sink}`).toEqual([]);
        expect(missing(found[sink], sent), `in ${sink}, never sent`).toEqual([]);
        expect(found[sink].size).toBe(log.copies.size);
      }
      expect(rows.length).toBe(found.postgres.size);
      expect(records.length - found.kafka.size).toBeLessThanOrEqual(kills * BATCH_SIZE);

      console.log({
        kills,
        tries: crashes.tries,
        hits: crashes.hits,
        sent: sent.size,
        acknowledged: acknowledged.size,
        by: crashes.acknowledgedBy,
        accepted: log.copies.size,
        logRepeated: log.lines - log.copies.size,
        kafkaRepeated: records.length - found.kafka.size,
        rows: rows.length,
      });

      // It happened as it was meant.
      expect(crashes.unexpected).toEqual([]);
      for (const endpoint of ENDPOINTS) {
        expect(crashes.acknowledgedBy[endpoint]).toBeGreaterThan(kills);
      }
      expect(kills).toBeGreaterThanOrEqual(ROUNDS * (KILLS.refusing + KILLS.taking));
      for (const name of MOMENTS) {
        expect(crashes.hits.get(name), `kills in ${name}`).toBeGreaterThanOrEqual(ROUNDS);
      }
    },
  );
});
