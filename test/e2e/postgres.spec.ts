import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { until, Workplace } from '../support/servers/collector.js';
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
