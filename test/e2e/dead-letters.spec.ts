import { readFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { type PostgresServer, uniqueName } from '../support/servers/postgres-server.js';
import { sharedPostgres } from '../support/servers/shared-servers.js';

const started = await sharedPostgres();
afterAll(() => started?.stop());

let workplace: Workplace;
beforeEach(async () => {
  workplace = await Workplace.create();
});
afterEach(() => workplace.remove());

async function collect(collector: Collector, events: readonly unknown[]): Promise<number> {
  const response = await fetch(`${collector.url}/collect`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  return response.status;
}

const ledger = (collector: Collector, sink: string, state: string): Promise<number> =>
  collector.metric('gotrack_ledger_events', { sink, state });

describe.skipIf(!started)('dead letters of PostgreSQL', () => {
  const server = started as PostgresServer;
  let table: string;
  let environment: Record<string, string>;

  beforeEach(async () => {
    table = uniqueName('dead');
    environment = { OUTPUTS: 'postgres', PG_DSN: server.dsn, PG_TABLE: table };
    await server.query(
      `create table ${table} (id bigserial primary key, event_id uuid unique not null,
         ts timestamptz not null default now(), payload jsonb not null,
         constraint only_good check (not payload @? '$.props.bad'))`,
    );
  });

  afterEach(() => server.query(`drop table ${table}`));

  const dropConstraint = (): Promise<unknown[]> =>
    server.query(`alter table ${table} drop constraint only_good`);

  async function rowIds(): Promise<string[]> {
    const rows = await server.query<{ event_id: string }>(`select event_id from ${table}`);
    return rows.map((row) => row.event_id).toSorted();
  }

  const mixed = (count: number): { event_id: string; props: object }[] =>
    Array.from({ length: count }, (_, index) => ({
      event_id: randomUUID(),
      props: index % 10 === 0 ? { bad: true } : {},
    }));

  const idsOf = (events: readonly { event_id: string }[]): string[] =>
    events.map(({ event_id }) => event_id).toSorted();

  it('come in by a replay once the cause is gone', async () => {
    const events = mixed(300);
    const collector = await workplace.start(environment);
    expect(await collect(collector, events)).toBe(202);
    await collector.drained('postgres');
    expect(await ledger(collector, 'postgres', 'dead_lettered')).toBe(30);
    const listed = await workplace.run(['dead-letters', 'list'], environment);
    expect(listed.stdout).toContain('30 event(s)');
    expect(listed.stdout).toContain('violates check constraint "only_good"');

    await dropConstraint();
    const asked = await workplace.run(['dead-letters', 'replay', 'postgres'], environment);
    expect(asked).toMatchObject({ exitCode: 0, stderr: '' });
    expect(asked.stdout).toContain('30 event(s) queued again');
    await collector.drained('postgres');
    expect(await rowIds()).toEqual(idsOf(events));
    expect(await ledger(collector, 'postgres', 'dead_lettered')).toBe(0);
    expect(await ledger(collector, 'postgres', 'delivered')).toBe(300);
    expect(await collector.metric('gotrack_events_replayed_total', { sink: 'postgres' })).toBe(30);
    const empty = await workplace.run(['dead-letters', 'replay', 'postgres'], environment);
    expect(empty.stdout).toContain('there are no dead letters of postgres');
  });

  it('come in while the operator sees how far they are', async () => {
    const collector = await workplace.start(environment);
    await collect(collector, mixed(300));
    await collector.drained('postgres');
    await dropConstraint();
    await server.query('begin');
    await server.query(`lock table ${table} in exclusive mode`);
    const replay = workplace.begin(['dead-letters', 'replay', 'postgres', '--wait'], environment);
    await until(() => replay.log.includes('postgres: 30 event(s) to go'));
    expect(replay.end).toBeUndefined();
    await server.query('commit');
    expect(await replay.ended()).toBe(0);
    expect(await ledger(collector, 'postgres', 'delivered')).toBe(300);
    expect(replay.output).toEqual([
      'postgres: 30 event(s) queued again',
      'postgres: done; there are 0 event(s) in its dead letters now',
    ]);
  });

  it('stay dead letters when the cause is not gone, and hold nothing up', async () => {
    const collector = await workplace.start(environment);
    await collect(collector, mixed(300));
    await collector.drained('postgres');
    await workplace.run(['dead-letters', 'replay', 'postgres'], environment);
    await collect(collector, [{ event_id: randomUUID() }]);
    await until(async () => (await ledger(collector, 'postgres', 'dead_lettered')) === 30);
    await until(async () => (await ledger(collector, 'postgres', 'delivered')) === 271);
    expect(collector.log.some((line) => line.includes('holds'))).toBe(false);
  });

  it('come in by the next start, when no collector runs', async () => {
    const events = mixed(20);
    const first = await workplace.start(environment);
    await collect(first, events);
    await first.drained('postgres');
    await first.stop();
    await dropConstraint();
    const asked = await workplace.run(['dead-letters', 'replay', 'postgres'], environment);
    expect(asked.exitCode).toBe(0);
    expect(asked.stdout).toContain('the next start');

    const second = await workplace.start(environment);
    await until(async () => (await ledger(second, 'postgres', 'delivered')) === 20);
    expect(await rowIds()).toEqual(idsOf(events));
  });

  it('are purged, and the ledger keeps their number', async () => {
    const collector = await workplace.start(environment);
    await collect(collector, mixed(40));
    await collector.drained('postgres');
    const asked = await workplace.run(['dead-letters', 'purge', 'postgres', '--yes'], environment);
    expect(asked.stdout).toContain('4 event(s) deleted');
    expect(await ledger(collector, 'postgres', 'purged')).toBe(4);
    expect(await ledger(collector, 'postgres', 'dead_lettered')).toBe(0);
    const listed = await workplace.run(['dead-letters', 'list'], environment);
    expect(listed.stdout).toContain('no dead letters');
  });

  it('survive a kill in the middle of their replay, and the ledger still adds up', async () => {
    const events = mixed(1000);
    let collector = await workplace.start({ ...environment, PG_BATCH_SIZE: '10' });
    await collect(collector, events);
    await until(async () => (await ledger(collector, 'postgres', 'dead_lettered')) === 100);
    await collector.drained('postgres');
    await dropConstraint();
    await workplace.run(['dead-letters', 'replay', 'postgres'], environment);
    await until(async () => (await rowIds()).length > 900);
    await collector.kill();

    collector = await workplace.start(environment);
    await until(async () => (await ledger(collector, 'postgres', 'delivered')) === 1000);
    expect(await rowIds()).toEqual(idsOf(events));
    expect(await ledger(collector, 'postgres', 'queued')).toBe(0);
    expect(await ledger(collector, 'postgres', 'accepted')).toBe(1000);
  });
});

describe('rejected events', () => {
  const REJECTED = 'data/dead-letters/rejected.ndjson';

  const large = (count: number): object[] =>
    Array.from({ length: count }, (_, index) => ({
      event_id: `large-${index}`,
      props: { text: 'x'.repeat(2000) },
    }));

  it('are taken by a replay when they are valid now, for every sink', async () => {
    const first = await workplace.start({ MAX_EVENT_BYTES: '1024' });
    expect(await collect(first, [...large(400), { event_id: 'typed', type: 7 }])).toBe(400);
    expect(await collect(first, ['no object'])).toBe(400);
    await first.stop();

    const second = await workplace.start();
    const asked = await workplace.run(['dead-letters', 'replay', 'rejected', '--wait']);
    expect(asked.stdout).toContain('rejected: done; there are 2 event(s) in its dead letters now');
    expect(asked.stdout).toContain('402 event(s) being validated again');
    await until(
      async () =>
        (await second.metric('gotrack_events_replayed_total', { sink: 'rejected' })) === 400,
    );
    await second.drained();
    const stored = await workplace.logged();
    expect(stored.map(({ event_id }) => event_id).toSorted()).toEqual(
      large(400)
        .map((event) => Reflect.get(event, 'event_id') as string)
        .toSorted(),
    );
    expect(Reflect.get(stored[0]?.['server'] ?? {}, 'ip')).toBe('127.0.0.0');
    await until(async () => (await readFile(workplace.path(REJECTED), 'utf8')).includes('typed'));
    const kept = await readFile(workplace.path(REJECTED), 'utf8');
    expect(kept.trimEnd().split('\n')).toHaveLength(2);
    expect(await second.metric('gotrack_events_received_total')).toBe(0);
  });

  it('are purged', async () => {
    const collector = await workplace.start();
    await collect(collector, [{ type: 7 }]);
    await until(async () => (await readFile(workplace.path(REJECTED), 'utf8')).includes('type'));
    const unsure = await workplace.run(['dead-letters', 'purge', 'rejected']);
    expect(unsure.exitCode).toBe(1);
    expect(unsure.stderr).toMatch(/no terminal to ask at: add --yes/);
    const listed = await workplace.run(['dead-letters', 'list', '--json']);
    expect(JSON.parse(listed.stdout)).toEqual({
      directory: './data/dead-letters',
      files: [
        {
          path: REJECTED,
          events: 1,
          causes: [{ cause: 'schema: type: must be a string', events: 1 }],
        },
      ],
    });
    const asked = await workplace.run(['dead-letters', 'purge', 'rejected', '--yes']);
    expect(asked.stdout).toContain('1 event(s) deleted');
    expect((await workplace.run(['dead-letters', 'list'])).stdout).toContain('no dead letters');
  });

  it('of an unknown name are not asked for', async () => {
    const asked = await workplace.run(['dead-letters', 'replay', 'kafak']);
    expect(asked.exitCode).toBe(1);
    expect(asked.stderr).toContain('kafak is none of log, rejected');
  });
});
