import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { type PostgresServer, uniqueName } from '../support/servers/postgres-server.js';
import { sharedPostgres } from '../support/servers/shared-servers.js';

/** Longer than a suspect is judged. */
const JUDGED_MS = 35_000;

const started = await sharedPostgres();
afterAll(() => started?.stop());

interface Event {
  readonly event_id: string;
  readonly [field: string]: unknown;
}

const events = (count: number, fields: object = {}): Event[] =>
  Array.from({ length: count }, () => ({ event_id: randomUUID(), ...fields }));

const longPath = (): Event => {
  // Random: the server compresses what repeats itself.
  const path = Array.from({ length: 250 }, () => randomUUID().replaceAll('-', '')).join('');
  return { event_id: randomUUID(), route: { fullPath: `/${path}` } };
};

async function collect(collector: Collector, batch: readonly Event[]): Promise<void> {
  const response = await fetch(`${collector.url}/collect`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(batch),
  });
  expect(response.status).toBe(202);
}

describe.skipIf(!started)("events that an operator's table does not take", () => {
  const server = started as PostgresServer;
  let workplace: Workplace;
  let table: string;
  let environment: Record<string, string>;

  beforeEach(async () => {
    workplace = await Workplace.create();
    table = uniqueName('refusing');
    environment = {
      OUTPUTS: 'postgres',
      PG_DSN: server.dsn,
      PG_TABLE: table,
      SHUTDOWN_TIMEOUT_MS: '200',
    };
    await server.query(
      `create table ${table} (id bigserial primary key, event_id uuid unique not null,
         ts timestamptz not null default now(), payload jsonb not null)`,
    );
  });

  afterEach(async () => {
    await workplace.remove();
    await server.query(`drop table if exists ${table}`);
  });

  const ids = async (from = table): Promise<string[]> =>
    (await server.query<{ event_id: string }>(`select event_id from ${from}`))
      .map(({ event_id }) => event_id)
      .toSorted();
  const idsOf = (all: readonly Event[]): string[] => all.map(({ event_id }) => event_id).toSorted();
  const ledger = (collector: Collector, state: string): Promise<number> =>
    collector.metric('gotrack_ledger_events', { sink: 'postgres', state });
  const attempts = (collector: Collector): Promise<number> =>
    collector.metric('gotrack_batch_flush_latency_seconds_count', { sink: 'postgres' });

  it('are dead letters by repetition when an index cannot hold one, and hold nothing up', async () => {
    await server.query(`create index on ${table} ((payload#>>'{route,fullPath}'))`);
    const collector = await workplace.start(environment);
    const bad = longPath();
    const good = events(40);
    await collect(collector, [...good.slice(0, 20), bad, ...good.slice(20)]);
    await until(async () => (await ids()).length >= 30);
    expect(await workplace.deadLetters('postgres')).toEqual([]);
    await collector.drained('postgres');
    expect(await ids()).toEqual(idsOf(good));
    expect(await workplace.deadLetters('postgres')).toEqual([bad.event_id]);
    const lines = collector.log.filter((line) => line.includes('first for this cause'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('54000');
    expect(collector.log.join()).not.toContain(
      String(Reflect.get(bad['route'] as object, 'fullPath')),
    );
  });

  it('do not hold a lane whose table takes others, a thousand of them either', async () => {
    await server.query(`create index on ${table} (((payload->'props'->>'price')::numeric))`);
    const collector = await workplace.start(environment);
    const before = events(50, { props: { price: 1 } });
    const bad = events(1000, { props: { price: 'free' } });
    const after = events(50, { props: { price: 2.5 } });
    await collect(collector, before);
    await collect(collector, bad);
    await collect(collector, after);
    await collector.drained('postgres');
    expect(await ids()).toEqual(idsOf([...before, ...after]));
    expect((await workplace.deadLetters('postgres')).toSorted()).toEqual(idsOf(bad));
    expect(await ledger(collector, 'delivered')).toBe(100);
  });

  it('are a hundred when the table refuses all, with few attempts after that', async () => {
    await server.query(`alter table ${table} add constraint nothing check (false) not valid`);
    const collector = await workplace.start(environment);
    const all = events(900);
    await collect(collector, all);
    await until(() => collector.log.some((line) => line.includes('holds')));
    const before = await attempts(collector);
    await sleep(10_000);
    expect((await attempts(collector)) - before).toBeLessThan(30);
    expect(await ledger(collector, 'dead_lettered')).toBe(100);
    await server.query(`alter table ${table} drop constraint nothing`);
    await collector.drained('postgres');
    expect(await ids()).toHaveLength(800);
    expect(await ledger(collector, 'dead_lettered')).toBe(100);
  });

  interface Outage {
    readonly begin: (name: string) => string;
    readonly end: (name: string) => string;
  }

  const outages: readonly Outage[] = [
    {
      begin: (name) => `alter table ${name} rename column payload to body`,
      end: (name) => `alter table ${name} rename column body to payload`,
    },
    {
      begin: (name) => `alter sequence ${name}_id_seq maxvalue 5`,
      end: (name) => `alter sequence ${name}_id_seq no maxvalue`,
    },
    {
      begin: (name) =>
        `create function ${name}_fails() returns trigger language plpgsql as
           $$ begin raise exception 'not now'; end $$;
         create trigger fails before insert on ${name} execute function ${name}_fails()`,
      end: (name) => `drop function ${name}_fails() cascade`,
    },
  ];

  async function survive({ begin, end }: Outage, index: number): Promise<void> {
    const name = `${table}_${index}`;
    const place = await Workplace.create();
    try {
      const collector = await place.start({ ...environment, PG_TABLE: name });
      const first = events(3);
      await collect(collector, first);
      await collector.drained('postgres');
      await server.query(begin(name));
      const batches = [events(20), events(1), events(5)];
      for (const batch of batches) {
        await collect(collector, batch);
        await sleep(1000);
      }
      await sleep(JUDGED_MS);
      expect(await ledger(collector, 'dead_lettered')).toBe(0);
      expect((await fetch(`${collector.url}/readyz`)).status).toBe(200);
      await server.query(end(name));
      await collector.drained('postgres');
      expect(await ids(name)).toEqual(idsOf([...first, ...batches.flat()]));
      expect(await ledger(collector, 'dead_lettered')).toBe(0);
    } finally {
      await place.remove();
      await server.query(`drop table if exists ${name}`);
    }
  }

  it('are none when the table lacks a column, has used up its sequence, or a trigger of it always fails', async () => {
    await Promise.all(outages.map(survive));
  });
});
