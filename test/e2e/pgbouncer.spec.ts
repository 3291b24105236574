import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Collector, sumOf, until, Workplace } from '../support/servers/collector.js';
import { Load } from '../support/load/load.js';
import { canPool, PgBouncer } from '../support/servers/pgbouncer.js';
import {
  type PostgresServer,
  startPostgres,
  uniqueName,
} from '../support/servers/postgres-server.js';

const started = canPool ? await startPostgres() : undefined;
afterAll(() => started?.stop());

const server = (): PostgresServer => started as PostgresServer;

let bouncer: PgBouncer;
let table: string;
let workplaces: Workplace[];

beforeEach(async () => {
  workplaces = [await Workplace.create(), await Workplace.create()];
  table = uniqueName('events');
  bouncer = await PgBouncer.start(server());
  onTestFinished(() => bouncer.stop());
});

afterEach(async () => {
  await Promise.all(workplaces.map((workplace) => workplace.remove()));
  await server().query(`drop table ${table}`);
});

/** Two instances, so that one finds what the other left in a session. */
function startBoth(environment: Record<string, string>): Promise<Collector[]> {
  const through = { OUTPUTS: 'postgres', PG_DSN: bouncer.dsn, PG_TABLE: table };
  return Promise.all(
    workplaces.map((workplace) => workplace.start({ ...through, ...environment })),
  );
}

async function idsInTable(): Promise<string[]> {
  const rows = await server().query<{ id: string }>(
    `select payload->>'event_id' as id from ${table}`,
  );
  return rows.map(({ id }) => id).toSorted();
}

const acknowledged = (loads: readonly Load[]): string[] =>
  loads.flatMap((load) => [...load.acknowledged]).toSorted();

describe.skipIf(!started)('through a PgBouncer that pools by the transaction', () => {
  it.each(['true', 'false'])(
    'each event arrives once, and no session keeps a trace (PG_COPY=%s)',
    async (copy) => {
      // As the collector creates it, and the session of each row.
      await server().query(
        `create table ${table} (id bigserial primary key, event_id uuid unique not null,
           ts timestamptz not null default now(), payload jsonb not null,
           session int not null default pg_backend_pid())`,
      );
      const collectors = await startBoth({ PG_COPY: copy, PG_FLUSH_MS: '5', PG_BATCH_SIZE: '20' });
      const loads = collectors.map(({ port }, n) => new Load(port, `instance-${n}`));
      for (const load of loads) {
        load.start(4);
      }
      await until(async () => (await idsInTable()).length > 1000);
      await Promise.all(loads.map((load) => load.stop()));

      for (const collector of collectors) {
        await collector.drained('postgres');
        const samples = await collector.metrics();
        expect(sumOf(samples, 'gotrack_sink_errors_total')).toBe(0);
        expect(sumOf(samples, 'gotrack_sink_up', { sink: 'postgres' })).toBe(1);
      }
      expect(await idsInTable()).toEqual(acknowledged(loads));
      const sessions = await server().query(`select distinct session from ${table}`);
      expect(sessions).toHaveLength(2);
      for (const _ of sessions) {
        expect(
          await bouncer.query(
            `select current_setting('statement_timeout') as timeout,
               (select count(*)::int from pg_prepared_statements) as statements,
               (select count(*)::int from pg_class where relname = 'gotrack_staging') as staged`,
          ),
        ).toEqual([{ timeout: '0', statements: 0, staged: 0 }]);
      }
    },
  );

  it.skipIf(!started?.isOwn)(
    'the table is created, and a server that went away behind it is waited for',
    async () => {
      const collectors = await startBoth({});
      const loads = collectors.map(({ port }, n) => new Load(port, `instance-${n}`));
      for (const load of loads) {
        load.start(2);
      }
      await until(async () => (await idsInTable()).length > 100);
      await server().halt();
      for (const collector of collectors) {
        await until(async () => (await collector.metric('gotrack_sink_up')) === 0);
      }
      await server().resume();
      for (const collector of collectors) {
        await until(async () => (await collector.metric('gotrack_sink_up')) === 1);
      }
      await Promise.all(loads.map((load) => load.stop()));

      for (const collector of collectors) {
        await collector.drained('postgres');
        expect(await collector.metric('gotrack_events_dead_lettered_total')).toBe(0);
      }
      expect(await idsInTable()).toEqual(acknowledged(loads));
    },
  );
});
