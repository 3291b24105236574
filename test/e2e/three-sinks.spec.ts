import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Collector, inParallel, until, Workplace } from '../support/servers/collector.js';
import { KafkaBroker } from '../support/servers/kafka-broker.js';
import { Load } from '../support/load/load.js';
import {
  dsnWith,
  type PostgresServer,
  startPostgres,
  uniqueName,
} from '../support/servers/postgres-server.js';
import { TcpProxy } from '../support/servers/tcp-proxy.js';

/** How long a server stays down at least; the load and what it meets count, not the seconds. */
const OUTAGE_MS = Number(process.env['TEST_OUTAGE_SECONDS'] ?? 0) * 1000;
const SINKS = ['log', 'postgres', 'kafka'] as const;

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
  [table, topic] = [uniqueName('events'), uniqueName('events')];
  environment = {
    OUTPUTS: SINKS.join(),
    PG_DSN: database().dsn,
    PG_TABLE: table,
    KAFKA_BROKERS: broker().address(),
    KAFKA_TOPIC: topic,
  };
});

afterEach(async () => {
  await workplace.remove();
  await database().query(`drop table if exists ${table}`);
});

/** As the collector would create it. */
async function createTable(constraint?: string): Promise<void> {
  const check = constraint === undefined ? '' : `, constraint only_good check (${constraint})`;
  await database().query(
    `create table ${table} (id bigserial primary key, event_id uuid unique not null,
       ts timestamptz not null default now(), payload jsonb not null${check})`,
  );
}

async function collect(collector: Collector, events: readonly object[]): Promise<void> {
  const response = await fetch(`${collector.url}/collect`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  expect({ status: response.status, body: await response.json() }).toMatchObject({
    status: 202,
    body: { accepted: events.length },
  });
}

async function allDrained(collector: Collector): Promise<void> {
  for (const sink of SINKS) {
    await collector.drained(sink);
  }
}

/** Ids as each sink holds them, sorted; a doubled one is there twice. */
async function idsIn(sink: (typeof SINKS)[number]): Promise<string[]> {
  const read = {
    log: async () => (await workplace.logged()).map(({ event_id }) => event_id),
    postgres: async () =>
      (
        await database().query<{ id: string }>(`select payload->>'event_id' as id from ${table}`)
      ).map(({ id }) => id),
    kafka: async () => (await broker().recordsOf(topic)).map(({ key }) => key ?? ''),
  };
  return (await read[sink]()).toSorted();
}

/** The first place where two long lists differ: vitest would show all of both. */
function differing(found: readonly string[], wanted: readonly string[]): unknown[] {
  const at = [...found, undefined].findIndex((id, index) => id !== wanted[index]);
  return at === -1 ? [] : [at, found[at], wanted[at], found.length, wanted.length];
}

const ingested = (collector: Collector, sink: string): Promise<number> =>
  collector.metric('gotrack_events_ingested_total', { sink });
const isUp = (collector: Collector, sink: string): Promise<number> =>
  collector.metric('gotrack_sink_up', { sink });
const deadLettered = (collector: Collector, sink: string): Promise<number> =>
  collector.metric('gotrack_ledger_events', { sink, state: 'dead_lettered' });

/** Lines of the collector's log about changes of this sink. */
function changesOf(collector: Collector, sink: string): string[] {
  return collector.log
    .map((line) => JSON.parse(line) as { context: string; msg: string })
    .filter(({ context }) => context === `Sink ${sink}`)
    .map(({ msg }) => msg.replace(/:.*/s, ''));
}

const EVENTS = 100_000;
const PER_REQUEST = 1000;

describe.skipIf(!postgres || !kafka)('three sinks', () => {
  it('hold each of 100,000 events once, and the counters say so', async () => {
    await broker().createTopic(topic, { partitions: 3 });
    const collector = await workplace.start(environment);
    const ids = Array.from({ length: EVENTS }, () => randomUUID());
    const requests = Array.from({ length: EVENTS / PER_REQUEST }, (_, n) => async () => {
      const events = ids.slice(n * PER_REQUEST, (n + 1) * PER_REQUEST);
      await collect(
        collector,
        events.map((event_id, index) => ({ event_id, props: { index } })),
      );
    });

    await inParallel(4, requests);
    await allDrained(collector);

    const sorted = ids.toSorted();
    for (const sink of SINKS) {
      expect(await ingested(collector, sink)).toBe(EVENTS);
      expect(differing(await idsIn(sink), sorted)).toEqual([]);
    }
  });

  it('get an event twice when it is sent twice, and the table keeps one row', async () => {
    await broker().createTopic(topic);
    const collector = await workplace.start(environment);
    const events = Array.from({ length: 1000 }, (_, n) => ({
      event_id: n % 2 === 0 ? randomUUID() : `order-${n}`,
    }));

    await collect(collector, events);
    await collect(collector, events);
    await allDrained(collector);

    const ids = events.map(({ event_id }) => event_id).toSorted();
    expect(await idsIn('postgres')).toEqual(ids);
    expect(await collector.metric('gotrack_events_duplicate_total', { sink: 'postgres' })).toBe(
      1000,
    );
    expect(await idsIn('kafka')).toHaveLength(2000);
    expect(await idsIn('log')).toHaveLength(2000);
  });

  it('take a batch but for what the server refuses, which a replay brings in later', async () => {
    await createTable(`not payload @? '$.props.bad'`);
    await broker().createTopic(topic, { configs: { 'max.message.bytes': '20000' } });
    const collector = await workplace.start({ ...environment, FLUSH_INTERVAL_MS: '500' });
    const events: { event_id: string; props?: object }[] = Array.from({ length: 500 }, () => ({
      event_id: randomUUID(),
    }));
    const duplicate = events[10] as { event_id: string };
    const refused = { event_id: randomUUID(), props: { bad: true } };
    const large = { event_id: randomUUID(), props: { text: 'x'.repeat(30_000) } };
    events.splice(100, 5, refused, { event_id: 'order-17' }, duplicate, large, {
      event_id: randomUUID(),
      props: { text: 'nul \u0000 inside' },
    });

    await collect(collector, events);
    await allDrained(collector);

    const all = events.map(({ event_id }) => event_id).toSorted();
    const once = [...new Set(all)];
    expect(await idsIn('log')).toEqual(all);
    expect(await idsIn('postgres')).toEqual(once.filter((id) => id !== refused.event_id));
    expect(await idsIn('kafka')).toEqual(all.filter((id) => id !== large.event_id));
    expect(await deadLettered(collector, 'postgres')).toBe(1);
    expect(await deadLettered(collector, 'kafka')).toBe(1);
    const letters = async (): Promise<string> =>
      (await workplace.run(['dead-letters', 'list'], environment)).stdout;
    expect(await letters()).toContain('violates check constraint "only_good"');
    expect(await letters()).toContain('max.message.bytes');

    // Nothing stands still because of it.
    await collect(collector, [{ event_id: 'afterwards' }]);
    await allDrained(collector);

    await database().query(`alter table ${table} drop constraint only_good`);
    await broker().alterTopic(topic, { 'max.message.bytes': '1000000' });
    for (const sink of ['postgres', 'kafka']) {
      const replay = await workplace.run(['dead-letters', 'replay', sink], environment);
      expect(replay).toMatchObject({ exitCode: 0, stderr: '' });
    }
    await allDrained(collector);
    expect(await idsIn('postgres')).toEqual([...once, 'afterwards'].toSorted());
    expect(await idsIn('kafka')).toEqual([...all, 'afterwards'].toSorted());
    expect(await deadLettered(collector, 'postgres')).toBe(0);
    expect(await deadLettered(collector, 'kafka')).toBe(0);
  });

  it('hold a lane after 100 refusals in a row, say so once, and go on when the cause is gone', async () => {
    await createTable('false');
    await broker().createTopic(topic);
    const collector = await workplace.start(environment);
    const events = Array.from({ length: 1000 }, () => ({ event_id: randomUUID() }));

    await collect(collector, events);
    await collector.drained('log');
    await collector.drained('kafka');
    await until(() => collector.log.some((line) => line.includes('holds, its events stay queued')));
    const errors = (): Promise<number> =>
      collector.metric('gotrack_sink_errors_total', { sink: 'postgres' });
    const seen = await errors();
    await until(async () => (await errors()) > seen);
    expect(await deadLettered(collector, 'postgres')).toBe(100);

    await database().query(`alter table ${table} drop constraint only_good`);
    await collector.drained('postgres');
    expect(await idsIn('postgres')).toHaveLength(900);
    await workplace.run(['dead-letters', 'replay', 'postgres'], environment);
    await collector.drained('postgres');

    expect(await idsIn('postgres')).toEqual(events.map(({ event_id }) => event_id).toSorted());
    expect(collector.log.filter((line) => line.includes('holds, its'))).toHaveLength(1);
    expect(collector.log.filter((line) => line.includes('delivers again'))).toHaveLength(1);
  });

  it('wait for a topic that is missing until somebody creates it', async () => {
    const collector = await workplace.start(environment);
    const events = Array.from({ length: 300 }, () => ({ event_id: randomUUID() }));
    await collect(collector, events);
    await collector.drained('postgres');
    await until(async () => (await isUp(collector, 'kafka')) === 0);

    await broker().createTopic(topic);
    await collector.drained('kafka');

    expect(await idsIn('kafka')).toEqual(events.map(({ event_id }) => event_id).toSorted());
    expect(await deadLettered(collector, 'kafka')).toBe(0);
  });

  it('get each event once when the way to PostgreSQL is cut in the middle of a commit', async () => {
    const proxy = new TcpProxy(database().address);
    await proxy.open();
    onTestFinished(() => proxy.close());
    await broker().createTopic(topic);
    const dsn = dsnWith(database().dsn, { port: proxy.port });
    const collector = await workplace.start({ ...environment, PG_DSN: dsn });
    const load = new Load(collector.port, 'cut');
    load.start(4);
    for (const share of [1, 0.5, 1]) {
      let cut = false;
      proxy.cutOnce((piece) => {
        const commit = piece.indexOf('commit');
        if (commit === -1) {
          return undefined;
        }
        cut = true;
        // With the whole statement the server commits, and cannot say so.
        return { bytes: share === 1 ? piece.length : commit + 3 };
      });
      await until(() => cut);
    }
    await load.stop();
    await allDrained(collector);

    expect(load.others).toEqual([]);
    expect(await idsIn('postgres')).toEqual([...load.acknowledged].toSorted());
    expect(await deadLettered(collector, 'postgres')).toBe(0);
  });
});

describe.skipIf(!postgres?.isOwn || !kafka?.isOwn)('while a server is away', () => {
  it.each(['postgres', 'kafka'] as const)(
    'the other sinks see nothing of it, and %s gets everything once afterwards',
    async (sink) => {
      await broker().createTopic(topic);
      const server = sink === 'postgres' ? database() : broker();
      const others = SINKS.filter((other) => other !== sink);
      const collector = await workplace.start(environment);
      const load = new Load(collector.port, sink);
      load.start(4);
      await until(async () => (await ingested(collector, sink)) > 100);

      await server.halt();
      const readiness = async (): Promise<unknown> => {
        const response = await fetch(`${collector.url}/readyz`);
        return { code: response.status, body: await response.json() };
      };
      await until(async () => (await isUp(collector, sink)) === 0);
      await sleep(OUTAGE_MS);
      expect(await readiness()).toMatchObject({ code: 200, body: { status: 'degraded' } });
      for (const other of others) {
        const before = await ingested(collector, other);
        await until(async () => (await ingested(collector, other)) > before + 500);
        expect(await isUp(collector, other)).toBe(1);
      }
      await server.resume();
      await until(async () => (await isUp(collector, sink)) === 1);
      await load.stop();
      await allDrained(collector);
      await until(async () => (await fetch(`${collector.url}/readyz`)).status === 200);
      expect(await readiness()).toMatchObject({ code: 200, body: { status: 'ok' } });

      expect(load.others).toEqual([]);
      const acknowledged = [...load.acknowledged].toSorted();
      for (const each of SINKS) {
        expect(differing(await idsIn(each), acknowledged)).toEqual([]);
        expect(await deadLettered(collector, each)).toBe(0);
      }
      expect(changesOf(collector, sink)).toEqual([
        'up',
        'down, its events stay queued',
        'up again',
      ]);
      for (const other of others) {
        expect(changesOf(collector, other)).toEqual(['up']);
      }
    },
  );

  it('the collector starts without both, accepts, and delivers once they are there', async () => {
    await broker().createTopic(topic);
    await database().halt();
    await broker().halt();
    const collector = await workplace.start(environment);
    const events = Array.from({ length: 1000 }, () => ({ event_id: randomUUID() }));
    await collect(collector, events);
    await collector.drained('log');
    for (const sink of ['postgres', 'kafka']) {
      await until(async () => (await isUp(collector, sink)) === 0);
    }

    await Promise.all([database().resume(), broker().resume()]);
    await allDrained(collector);

    const ids = events.map(({ event_id }) => event_id).toSorted();
    for (const sink of SINKS) {
      expect(await idsIn(sink)).toEqual(ids);
    }
  });

  it('a failover is waited for: read-only first, then another primary at the same address', async () => {
    await broker().createTopic(topic);
    const target = { ...database().address };
    const proxy = new TcpProxy(target);
    await proxy.open();
    onTestFinished(() => proxy.close());
    const dsn = dsnWith(database().dsn, { port: proxy.port });
    const collector = await workplace.start({ ...environment, PG_DSN: dsn });
    const load = new Load(collector.port, 'failover');
    load.start(4);
    await until(async () => (await ingested(collector, 'postgres')) > 100);

    await database().query('alter system set default_transaction_read_only = on');
    await database().query('select pg_reload_conf()');
    await until(async () => (await isUp(collector, 'postgres')) === 0);
    const before = await ingested(collector, 'log');
    await until(async () => (await ingested(collector, 'log')) > before + 100);
    const promoted = await database().takeOver();
    onTestFinished(() => promoted.stop());
    target.port = promoted.address.port;
    await proxy.close();
    await proxy.open();
    await until(async () => (await isUp(collector, 'postgres')) === 1);
    await load.stop();
    await allDrained(collector);

    expect(load.others).toEqual([]);
    const rows = await promoted.query<{ id: string }>(
      `select payload->>'event_id' as id from ${table}`,
    );
    expect(rows.map(({ id }) => id).toSorted()).toEqual([...load.acknowledged].toSorted());
    expect(await deadLettered(collector, 'postgres')).toBe(0);
    await database().resume();
  });
});
