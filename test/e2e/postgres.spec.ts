import { readFile } from 'node:fs/promises';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { until, Workplace } from '../support/servers/collector.js';
import { EventsTable } from '../support/servers/events-table.js';
import { Load } from '../support/load/load.js';
import {
  type PostgresServer,
  startPostgres,
  uniqueName,
} from '../support/servers/postgres-server.js';

const CRASHES = 3;

const started = await startPostgres();
afterAll(() => started?.stop());

describe.skipIf(!started?.isOwn)('a PostgreSQL that crashes', () => {
  const server = started as PostgresServer;

  it('has each event once afterwards, although it syncs no commit unless asked to', async () => {
    // As some are set: what was committed last is in the server's memory only, for seconds.
    for (const setting of ['synchronous_commit = off', `wal_writer_delay = '10s'`]) {
      await server.query(`alter system set ${setting}`);
    }
    await server.query('select pg_reload_conf()');
    onTestFinished(async () => {
      await server.query('alter system reset all');
    });
    const workplace = await Workplace.create();
    onTestFinished(() => workplace.remove());
    const table = uniqueName('events');
    const collector = await workplace.start({
      OUTPUTS: 'postgres',
      PG_DSN: server.dsn,
      PG_TABLE: table,
      PG_BATCH_SIZE: '20',
      PG_FLUSH_MS: '0',
    });
    const load = new Load(collector.port, 'crash');
    load.start(4);
    const sink = (name: string): Promise<number> => collector.metric(name, { sink: 'postgres' });
    await until(async () => (await sink('gotrack_events_ingested_total')) > 0);
    // The table is not what this is about.
    await server.query('checkpoint');
    for (let crash = 0; crash < CRASHES; crash += 1) {
      const before = await sink('gotrack_events_ingested_total');
      await until(async () => (await sink('gotrack_events_ingested_total')) > before + 200);
      await server.halt('SIGQUIT');
      await server.resume();
    }
    await load.stop();
    await collector.drained('postgres');

    const rows = await server.query<{ id: string }>(
      `select payload->>'event_id' as id from ${table}`,
    );
    expect(load.others).toEqual([]);
    expect(rows.map(({ id }) => id).toSorted()).toEqual([...load.acknowledged].toSorted());
    expect(await sink('gotrack_events_dead_lettered_total')).toBe(0);
  });
});

describe.skipIf(!started)('events that an index of the table cannot take', () => {
  const server = started as PostgresServer;

  it('are quoted in their dead letters only, not in the log and not on /readyz', async () => {
    const workplace = await Workplace.create();
    onTestFinished(() => workplace.remove());
    const table = await EventsTable.create(server, 'events');
    onTestFinished(() => table.drop());
    await server.query(
      `create index on ${table.name} (((payload->'props'->>'price')::numeric));
       create function ${table.name}_raise() returns trigger language plpgsql as
         $$ begin raise exception 'no %', new.payload; end $$;
       create trigger raising before insert on ${table.name} for each row
         when (new.payload->>'type' = 'raise') execute function ${table.name}_raise()`,
    );
    onTestFinished(async () => {
      await server.query(`drop function ${table.name}_raise() cascade`);
    });
    const collector = await workplace.start({
      OUTPUTS: 'postgres',
      PG_DSN: server.dsn,
      PG_TABLE: table.name,
    });
    const send = async (events: object[]): Promise<void> => {
      const body = JSON.stringify(events);
      const response = await fetch(`${collector.url}/collect`, { method: 'POST', body });
      expect(response.status).toBe(202);
    };
    const event = (type: string): object => ({ type, props: { price: 'hunter2' } });

    // More than the lane gives up in a row.
    await send(Array.from({ length: 110 }, () => event('free')));
    await until(() => collector.log.some((line) => line.includes('22P02')));
    const ready = [await fetch(`${collector.metricsUrl}/readyz`).then((each) => each.text())];
    await server.query(`drop index ${table.name}_numeric_idx`);
    await collector.drained('postgres');
    await send([event('raise')]);
    await until(() => collector.log.some((line) => line.includes('P0001')));
    ready.push(await fetch(`${collector.metricsUrl}/readyz`).then((each) => each.text()));

    expect(ready[0]).toContain('22P02');
    expect(ready[1]).toContain('P0001');
    expect([...collector.log, ...ready].join('\n')).not.toContain('hunter2');
    const letters = await readFile(workplace.path('data/dead-letters/postgres.ndjson'), 'utf8');
    const { error } = JSON.parse(letters.split('\n')[0] ?? '') as { error: string };
    expect(error).toBe(
      'PostgreSQL says: invalid input syntax for type numeric: "hunter2" (SQLSTATE 22P02)',
    );
  });
});

describe('check-config', () => {
  it.each([
    ['postgres://app:60173#hunter2@db/x', 'percent-encoded: %23, %2F, %3F, %40'],
    ['postgres://app:60173/hunter2@db/x', 'percent-encoded: %23, %2F, %3F, %40'],
    ['postgres://app:60173?hunter2@db/x', 'percent-encoded: %23, %2F, %3F, %40'],
    ['postgres://app:60173@hunter2@db/x', 'percent-encoded: %23, %2F, %3F, %40'],
    ['postgres://app:hunter2@db/x?sslmod=verify-full', 'sslmode is probably meant'],
    ['host=db password=hunter2 channel_binding=require', 'channel_binding=require'],
  ])('refuses PG_DSN=%s without showing a secret', async (dsn, reason) => {
    const workplace = await Workplace.create();
    onTestFinished(() => workplace.remove());

    const { exitCode, stdout, stderr } = await workplace.run(['check-config'], {
      OUTPUTS: 'postgres',
      PG_DSN: dsn,
    });

    expect(exitCode).toBe(1);
    expect(stderr).toContain('PG_DSN');
    expect(stderr).toContain(reason);
    expect(stdout + stderr).not.toMatch(/hunter2|60173/);
  });
});
