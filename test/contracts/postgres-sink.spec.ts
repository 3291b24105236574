import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { v5 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readOptions } from '../../src/config/read-options.js';
import type { StoredEvent } from '../../src/event/stored-event.js';
import { PostgresSink } from '../../src/sinks/postgres/postgres-sink.js';
import { PostgresOptions } from '../../src/sinks/postgres/postgres.options.js';
import type { SinkErrorType } from '../../src/event/reasons.js';
import { RejectedBatchError } from '../../src/sinks/sink.js';
import {
  dsnWith,
  type PostgresServer,
  startPostgres,
  uniqueName,
} from '../support/servers/postgres-server.js';
import {
  canCreateCertificates,
  createServerCertificate,
  type ServerCertificate,
} from '../support/servers/server-certificate.js';
import { TcpProxy } from '../support/servers/tcp-proxy.js';
import {
  describeSinkContract,
  failureOf,
  jsonOf,
  type SinkTarget,
  storedEvent,
  storedEvents,
} from './sink-contract.js';

const started = await startPostgres();
afterAll(() => started?.stop());

function server(): PostgresServer {
  if (!started) {
    throw new Error('there is no server');
  }
  return started;
}

interface Variables {
  readonly dsn?: string;
  readonly table: string;
  readonly copy?: boolean;
}

function optionsFor({ dsn = server().dsn, table, copy = true }: Variables): PostgresOptions {
  const variables = { PG_DSN: dsn, PG_TABLE: table, PG_COPY: String(copy) };
  const given = Object.entries(variables).map(
    ([name, text]) => [name, { text, source: 'environment' }] as const,
  );
  return readOptions(PostgresOptions, new Map(given), '.').options;
}

function createSink(variables: Variables): PostgresSink {
  const sink = new PostgresSink(optionsFor(variables));
  onTestFinished(() => sink.close());
  return sink;
}

async function createOpen(variables: Variables): Promise<PostgresSink> {
  const sink = createSink(variables);
  await sink.open();
  return sink;
}

/** A name for a table that is dropped when the test is over. */
function newTable(): string {
  const table = uniqueName('events');
  onTestFinished(async () => {
    await server().query(`drop table if exists ${table}`);
  });
  return table;
}

async function newRole(rights = ''): Promise<{ role: string; dsn: string }> {
  const [role, password] = [uniqueName('role'), 'hunter2'];
  await server().query(`create role ${role} login password '${password}' ${rights}`);
  onTestFinished(async () => {
    await server().query(`drop owned by ${role}; drop role ${role}`);
  });
  return { role, dsn: dsnWith(server().dsn, { user: role, password }) };
}

async function newProxy(): Promise<TcpProxy> {
  const proxy = new TcpProxy(server().address);
  await proxy.open();
  onTestFinished(() => proxy.close());
  return proxy;
}

interface Row {
  event_id: string;
  ts: Date;
  payload: object;
}

const rowsOf = (table: string): Promise<Row[]> =>
  server().query<Row>(`select event_id, ts, payload from ${table} order by id`);

const payloadsOf = async (table: string): Promise<string[]> =>
  (await rowsOf(table)).map(({ payload }) => JSON.stringify(payload));

const REFUSED_TYPE = 'refused';
const CHECK = `alter table TABLE add constraint no_refused check (payload->>'type' <> '${REFUSED_TYPE}')`;

function refused(position: number): StoredEvent {
  const event = { ts: '2026-11-23T10:00:00.000Z', type: REFUSED_TYPE, event_id: randomUUID() };
  return { position, json: Buffer.from(JSON.stringify(event)) };
}

async function createTarget(copy: boolean): Promise<SinkTarget> {
  const proxy = new TcpProxy(server().address);
  await proxy.open();
  const table = uniqueName('events');
  const first = new PostgresSink(optionsFor({ table }));
  await first.open();
  await first.close();
  await server().query(CHECK.replace('TABLE', table));

  return {
    createSink: () =>
      new PostgresSink(
        optionsFor({ dsn: dsnWith(server().dsn, { port: proxy.port }), table, copy }),
      ),
    readStored: () => payloadsOf(table),
    makeUnavailable: () => proxy.close(),
    makeAvailable: () => proxy.open(),
    async remove() {
      await proxy.close();
      await server().query(`drop table ${table}`);
    },
  };
}

describe.skipIf(!started)('on PostgreSQL', () => {
  for (const copy of [true, false]) {
    describeSinkContract(`the postgres sink with PG_COPY=${copy}`, {
      createTarget: () => createTarget(copy),
      refusedJson: refused(0).json.toString(),
    });
  }

  describe.each([true, false])('a batch with PG_COPY=%s', (copy) => {
    it('changes nothing when it comes again, and counts as duplicates', async () => {
      const table = newTable();
      const sink = await createOpen({ table, copy });
      const batch = storedEvents(1000);
      await sink.write(batch);
      const before = await rowsOf(table);

      expect(await sink.write(batch)).toEqual({ duplicates: 1000 });
      expect(await sink.write([...batch.slice(990), storedEvent(1000)])).toEqual({
        duplicates: 10,
      });

      const after = await rowsOf(table);
      expect(after.slice(0, 1000)).toEqual(before);
      expect(after).toHaveLength(1001);
    });

    it('may hold the same id twice: the first is stored', async () => {
      const table = newTable();
      const sink = await createOpen({ table, copy });
      const head = `{"event_id":"${randomUUID()}","ts":"2026-11-23T10:00:00.000Z"`;
      const batch = ['first', 'second'].map((type, position) => ({
        position,
        json: Buffer.from(`${head},"type":"${type}"}`),
      }));

      expect(await sink.write(batch)).toEqual({ duplicates: 1 });

      expect((await rowsOf(table)).map(({ payload }) => payload)).toMatchObject([
        { type: 'first' },
      ]);
    });

    it('stores an id that is no UUID under a UUID made from it, and as it came in the payload', async () => {
      const table = newTable();
      const sink = await createOpen({ table, copy });
      const ids = ['order-17', 'say "hi"\\', 'żółć 👩'];
      const batch = ids.map((event_id, position) => ({
        position,
        json: Buffer.from(JSON.stringify({ event_id, ts: '2026-11-23T10:00:00.250Z' })),
      }));

      await sink.write(batch);
      expect(await sink.write(batch)).toEqual({ duplicates: 3 });

      const rows = await rowsOf(table);
      expect(rows.map(({ event_id }) => event_id)).toEqual(
        ids.map((id) => v5(`gotrack:${id}`, v5.URL)),
      );
      expect(rows.map(({ payload }) => payload)).toMatchObject(
        ids.map((event_id) => ({ event_id })),
      );
    });

    it("is stored under the events' own times, and the server's where there is none", async () => {
      const table = newTable();
      const sink = await createOpen({ table, copy });
      const times = ['2026-11-23T10:00:00.250Z', '1970-01-01T00:00:00.001Z', undefined];
      const batch = times.map((ts, position) => ({
        position,
        json: Buffer.from(JSON.stringify({ event_id: randomUUID(), ts })),
      }));
      const [{ now }] = (await server().query<{ now: Date }>('select now()')) as [{ now: Date }];

      await sink.write(batch);

      const stored = (await rowsOf(table)).map(({ ts }) => ts);
      expect(stored.slice(0, 2).map((ts) => ts.toISOString())).toEqual(times.slice(0, 2));
      expect(stored[2]?.getTime()).toBeGreaterThanOrEqual(now.getTime());
    });

    it("is refused with the server's own reason, without the row, and stores nothing", async () => {
      const table = newTable();
      const sink = await createOpen({ table, copy });
      await server().query(CHECK.replace('TABLE', table));

      await expect(sink.write([storedEvent(0), refused(1)])).rejects.toThrow(
        new RejectedBatchError(
          `PostgreSQL says: new row for relation "${table}" violates check constraint "no_refused" (SQLSTATE 23514)`,
        ),
      );
      await expect(
        sink.write([{ position: 0, json: Buffer.from('{"event_id":"x","a":"\\u0000"}') }]),
      ).rejects.toBeInstanceOf(RejectedBatchError);
      await expect(
        sink.write([{ position: 0, json: Buffer.from('{"event_id":') }]),
      ).rejects.toBeInstanceOf(RejectedBatchError);

      expect(await rowsOf(table)).toEqual([]);
    });
  });

  describe('the table', () => {
    it('is created as the contract has it', async () => {
      const table = newTable();
      await createOpen({ table });

      const columns = await server().query(
        `select column_name as name, data_type as type, is_nullable = 'YES' as nullable
          from information_schema.columns where table_name = $1 order by ordinal_position`,
        [table],
      );
      expect(columns).toEqual([
        { name: 'id', type: 'bigint', nullable: false },
        { name: 'event_id', type: 'uuid', nullable: false },
        { name: 'ts', type: 'timestamp with time zone', nullable: false },
        { name: 'payload', type: 'jsonb', nullable: false },
      ]);
      const indexes = await server().query<{ definition: string }>(
        `select indexdef as definition from pg_indexes where tablename = $1`,
        [table],
      );
      const definitions = indexes.map(({ definition }) =>
        definition.replace(/INDEX \S+ ON \S+ USING/, 'INDEX'),
      );
      expect(definitions.toSorted()).toEqual([
        'CREATE INDEX btree (ts)',
        'CREATE INDEX gin (payload)',
        'CREATE UNIQUE INDEX btree (event_id)',
        'CREATE UNIQUE INDEX btree (id)',
      ]);
    });

    it('may be in a schema and have the name of a keyword', async () => {
      const schema = uniqueName('schema');
      await server().query(`create schema ${schema}`);
      onTestFinished(async () => {
        await server().query(`drop schema ${schema} cascade`);
      });
      const sink = await createOpen({ table: `${schema}.Order` });

      await sink.write(storedEvents(2));

      expect(await rowsOf(`${schema}."order"`)).toHaveLength(2);
    });

    it('is created once by several instances that start at once', async () => {
      // Whether one sees the table of another is a matter of timing.
      for (const table of Array.from({ length: 5 }, newTable)) {
        const sinks = Array.from({ length: 8 }, () => createSink({ table }));

        await Promise.all(sinks.map((sink) => sink.open()));
        await Promise.all(sinks.map((sink, n) => sink.write(storedEvents(10, n * 10))));

        expect(await rowsOf(table)).toHaveLength(80);
      }
    });

    it('is enough for a role that may not create', async () => {
      const table = newTable();
      const { role, dsn } = await newRole();
      const sink = createSink({ table, dsn });
      expect(await failureOf(sink.open())).toMatchObject({
        errorType: 'auth',
        message: expect.stringContaining('permission denied for schema'),
      });
      await createOpen({ table });
      await server().query(
        `grant select, insert on ${table} to ${role}; grant usage on ${table}_id_seq to ${role}`,
      );

      await sink.open();
      await sink.write(storedEvents(3));
      await sink.check();

      expect(await rowsOf(table)).toHaveLength(3);
    });

    it('is enough for a role that may not create temporary tables either, with PG_COPY=false', async () => {
      const table = newTable();
      await createOpen({ table });
      const { role, dsn } = await newRole();
      await server().query(
        `grant select, insert on ${table} to ${role}; grant usage on ${table}_id_seq to ${role}`,
      );
      const [{ database }] = (await server().query('select current_database() as database')) as [
        { database: string },
      ];
      await server().query(`revoke temporary on database "${database}" from public`);
      onTestFinished(async () => {
        await server().query(`grant temporary on database "${database}" to public`);
      });

      const copying = await createOpen({ table, dsn });
      expect(await failureOf(copying.write(storedEvents(3)))).toMatchObject({
        errorType: 'auth',
        message: expect.stringContaining('permission denied to create temporary tables'),
      });
      const inserting = await createOpen({ table, dsn, copy: false });
      await inserting.write(storedEvents(3));

      expect(await rowsOf(table)).toHaveLength(3);
    });

    it('may go missing while the sink runs: the batch is kept until it is back', async () => {
      const table = newTable();
      const sink = await createOpen({ table });
      const batch = storedEvents(3);
      await server().query(`alter table ${table} rename to ${table}_aside`);

      for (let attempt = 0; attempt < 2; attempt += 1) {
        expect(await failureOf(sink.write(batch))).toMatchObject({
          errorType: 'other',
          message: expect.stringContaining('does not exist (SQLSTATE 42P01)'),
        });
      }
      await expect(sink.check()).rejects.toThrow(`PostgreSQL has no table "${table}"`);
      await server().query(`alter table ${table}_aside rename to ${table}`);
      await sink.write(batch);
      await sink.check();

      expect(await payloadsOf(table)).toEqual(jsonOf(batch));
    });
  });

  describe('when the server', () => {
    it('turns read-only, the batch is kept until it is not', async () => {
      const table = newTable();
      const { role, dsn } = await newRole('superuser');
      const sink = await createOpen({ table, dsn });
      const batch = storedEvents(3);
      const disconnect = (): Promise<unknown> =>
        server().query(
          'select pg_terminate_backend(pid) from pg_stat_activity where usename = $1',
          [role],
        );
      await server().query(`alter role ${role} set default_transaction_read_only = on`);
      await disconnect();

      await expect
        .poll(async () => (await failureOf(sink.write(batch))).message)
        .toContain('SQLSTATE 25006');
      expect((await failureOf(sink.check())).message).toContain('read-only');
      await server().query(`alter role ${role} reset default_transaction_read_only`);
      expect(await sink.write(batch)).toEqual({ duplicates: 0 });
      await sink.check();

      expect(await payloadsOf(table)).toEqual(jsonOf(batch));
    });

    it('is slow to commit, synchronous_commit=off of the role does not speed it up', async () => {
      const table = newTable();
      const { role, dsn } = await newRole('superuser');
      await server().query(`alter role ${role} set synchronous_commit = off`);
      await createOpen({ table, dsn });
      await server().query(
        `create function ${table}_f() returns trigger language plpgsql as
          $$ begin new.payload = jsonb_build_object('mode', current_setting('synchronous_commit')); return new; end $$;
        create trigger t before insert on ${table} for each row execute function ${table}_f()`,
      );
      onTestFinished(async () => {
        await server().query(`drop function ${table}_f() cascade`);
      });
      const sink = await createOpen({ table, dsn });

      await sink.write(storedEvents(1));

      expect(await payloadsOf(table)).toEqual(['{"mode":"on"}']);
    });

    it('ends the connection between two batches, the next attempt has a new one', async () => {
      const table = newTable();
      const { role, dsn } = await newRole('superuser');
      const sink = await createOpen({ table, dsn });
      await sink.write(storedEvents(1));
      await server().query(
        'select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = $1',
        [role],
      );

      await expect
        .poll(() => sink.write(storedEvents(1, 1)).then(() => 'done', String))
        .toBe('done');

      expect(await rowsOf(table)).toHaveLength(2);
    });

    it('gives no answer, a check ends in time', async () => {
      const silent = createServer().listen(0, '127.0.0.1');
      await once(silent, 'listening');
      onTestFinished(() => {
        silent.close();
      });
      const { port } = silent.address() as AddressInfo;
      const sink = createSink({ table: newTable(), dsn: dsnWith(server().dsn, { port }) });

      expect(await failureOf(sink.check())).toMatchObject({
        errorType: 'timeout',
        message: expect.stringContaining('no answer within'),
      });
    });

    it.each<[string, (dsn: string) => string, SinkErrorType]>([
      [
        'knows no such role',
        (dsn) => dsnWith(dsn, { user: 'nobody', password: 'hunter2' }),
        'auth',
      ],
      ['is not there', (dsn) => dsnWith(dsn, { port: 1, password: 'hunter2' }), 'connection'],
    ])('%s, the failure says so and no secret', async (_, change, errorType) => {
      const sink = createSink({ table: newTable(), dsn: change(server().dsn) });

      const error = await failureOf(sink.open());

      expect(error.errorType).toBe(errorType);
      expect(error.message).not.toContain('hunter2');
      expect(error.message).not.toContain('postgres://');
      expect(error.cause).toBeUndefined();
    });
  });

  describe('a connection that is cut', () => {
    it.each([true, false])(
      'in the middle of the events leaves no duplicate and no gap (PG_COPY=%s)',
      async (copy) => {
        const [table, proxy] = [newTable(), await newProxy()];
        const dsn = dsnWith(server().dsn, { port: proxy.port });
        const sink = await createOpen({ table, dsn, copy });
        const batch = Array.from({ length: 500 }, (_, n) => storedEvent(n, 'x'.repeat(1000)));
        proxy.cutOnce((piece, before) =>
          before + piece.length > 200_000 ? { bytes: 200_000 - before } : undefined,
        );

        expect(await failureOf(sink.write(batch))).toMatchObject({ errorType: 'connection' });
        expect(await sink.write(batch)).toEqual({ duplicates: 0 });

        expect(await payloadsOf(table)).toEqual(jsonOf(batch));
      },
    );

    it.each([true, false])(
      'once the commit is sent leaves no duplicate and no gap (PG_COPY=%s)',
      async (copy) => {
        const [table, proxy] = [newTable(), await newProxy()];
        const dsn = dsnWith(server().dsn, { port: proxy.port });
        const sink = await createOpen({ table, dsn, copy });
        const batch = storedEvents(500);
        proxy.cutOnce((piece) =>
          piece.includes('Q\0\0\0\x0bcommit\0') ? { bytes: piece.length } : undefined,
        );

        expect(await failureOf(sink.write(batch))).toMatchObject({ errorType: 'connection' });
        expect(await sink.write(batch)).toEqual({ duplicates: 500 });

        expect(await payloadsOf(table)).toEqual(jsonOf(batch));
      },
    );

    it('by our own closing ends a write that waits', async () => {
      const table = newTable();
      const sink = await createOpen({ table });
      await server().query('begin');
      await server().query(`lock table ${table}`);
      try {
        const write = failureOf(sink.write(storedEvents(1)));
        await expect
          .poll(() => server().query('select 1 from pg_locks where not granted'))
          .not.toEqual([]);

        await sink.close();

        expect(await write).toMatchObject({ errorType: 'connection' });
      } finally {
        await server().query('rollback');
      }
    });
  });

  // A given server keeps its configuration.
  const mayConfigure = process.env['PG_TEST_DSN'] === undefined && canCreateCertificates();
  describe.skipIf(!mayConfigure)('with TLS', () => {
    let directory: string;
    let own: ServerCertificate;
    let foreign: ServerCertificate;

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'gotrack-tls-'));
      await chmod(directory, 0o755);
      own = createServerCertificate(directory, 'own');
      foreign = createServerCertificate(directory, 'foreign');
    });

    afterAll(async () => {
      await rm(directory, { recursive: true });
    });

    async function turnTls(state: 'on' | 'off'): Promise<void> {
      await server().query(`alter system set ssl_cert_file = '${own.cert}'`);
      await server().query(`alter system set ssl_key_file = '${own.key}'`);
      await server().query(`alter system set ssl = ${state}`);
      await server().query('select pg_reload_conf()');
      // Only a new connection can say what new connections get.
      await expect
        .poll(async () => {
          const probe = new Client({ connectionString: server().dsn });
          await probe.connect();
          const { rows } = await probe.query<{ ssl: string }>('show ssl');
          await probe.end();
          return rows[0]?.ssl;
        })
        .toBe(state);
    }

    const parameters: Record<string, () => string> = {
      'sslmode=disable': () => 'sslmode=disable',
      'nothing said': () => '',
      'sslmode=require': () => 'sslmode=require',
      'verify-full and its CA': () => `sslmode=verify-full&sslrootcert=${own.cert}`,
      'verify-full and another CA': () => `sslmode=verify-full&sslrootcert=${foreign.cert}`,
      'require and another CA': () => `sslmode=require&sslrootcert=${foreign.cert}`,
      'verify-full, its CA and another name': () =>
        `sslmode=verify-full&sslrootcert=${own.cert}&host=localhost`,
      'verify-ca, its CA and another name': () =>
        `sslmode=verify-ca&sslrootcert=${own.cert}&host=localhost`,
      'verify-full, its CA and hostaddr for another name': () =>
        `sslmode=verify-full&sslrootcert=${own.cert}&host=db.invalid&hostaddr=127.0.0.1`,
      'verify-ca, its CA and hostaddr for another name': () =>
        `sslmode=verify-ca&sslrootcert=${own.cert}&host=db.invalid&hostaddr=127.0.0.1`,
      'verify-full, its CA and hostaddr for its name': () =>
        `sslmode=verify-full&sslrootcert=${own.cert}&hostaddr=127.0.0.1`,
      'sslnegotiation=direct': () =>
        `sslmode=verify-full&sslrootcert=${own.cert}&sslnegotiation=direct`,
      'channel_binding=prefer': () => 'sslmode=require&channel_binding=prefer',
      'TLS 1.3 at most, 1.3 at least': () =>
        'sslmode=require&ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.3',
    };

    it.each([
      ['on', 'sslmode=disable', 'plain'],
      ['on', 'nothing said', 'encrypted'],
      ['on', 'sslmode=require', 'encrypted'],
      ['on', 'verify-full and its CA', 'encrypted'],
      ['on', 'verify-full and another CA', 'refused'],
      ['on', 'require and another CA', 'refused'],
      ['on', 'verify-full, its CA and another name', 'refused'],
      ['on', 'verify-ca, its CA and another name', 'encrypted'],
      ['on', 'verify-full, its CA and hostaddr for another name', 'refused'],
      ['on', 'verify-ca, its CA and hostaddr for another name', 'encrypted'],
      ['on', 'verify-full, its CA and hostaddr for its name', 'encrypted'],
      ['on', 'sslnegotiation=direct', 'encrypted'],
      ['on', 'channel_binding=prefer', 'encrypted'],
      ['on', 'TLS 1.3 at most, 1.3 at least', 'encrypted'],
      ['off', 'sslnegotiation=direct', 'refused'],
      ['off', 'nothing said', 'plain'],
      ['off', 'sslmode=require', 'refused'],
      ['off', 'verify-full and its CA', 'refused'],
    ] as const)('%s at the server and %s, a connection is %s', async (state, given, outcome) => {
      await turnTls(state);
      const table = newTable();
      await createOpen({ table });
      const { role, dsn } = await newRole();
      const sink = createSink({ table, dsn: `${dsn}?${parameters[given]?.()}` });

      if (outcome === 'refused') {
        expect(await failureOf(sink.open())).toMatchObject({ errorType: 'connection' });
      } else {
        await sink.open();
        const connections = await server().query<{ ssl: boolean }>(
          'select ssl from pg_stat_ssl join pg_stat_activity using (pid) where usename = $1',
          [role],
        );
        expect(connections).toEqual([{ ssl: outcome === 'encrypted' }]);
      }
    });
  });

  describe('the DSN', () => {
    it('leads to hostaddr, whatever the name of the host', async () => {
      const url = new URL(server().dsn);
      url.hostname = 'db.invalid';
      const dsn = `${url.href}?hostaddr=${server().address.host}`;

      await expect(createOpen({ table: newTable(), dsn })).resolves.toBeDefined();
    });

    it.each([true, false])('has every character of a password (as a URI: %s)', async (isUri) => {
      const password = `#/?@:%+& =[]"\\żółć`;
      const role = uniqueName('role');
      await server().query(`create role ${role} login superuser password '${password}'`);
      onTestFinished(async () => {
        await server().query(`drop owned by ${role}; drop role ${role}`);
      });
      const { host, port } = server().address;
      const quoted = password.replaceAll('\\', '\\\\');
      const dsn = isUri
        ? `postgres://${role}:${encodeURIComponent(password).replace('%2B', '+')}@${host}:${port}/postgres`
        : `host=${host} port=${port} dbname=postgres user=${role} password='${quoted}'`;

      await expect(createOpen({ table: newTable(), dsn })).resolves.toBeDefined();
    });

    it('names its application, and gives options to the server', async () => {
      const [table, application] = [newTable(), uniqueName('application')];
      const parameters = `application_name=${application}&options=-c%20lock_timeout%3D123ms`;
      const sink = await createOpen({ table, dsn: `${server().dsn}?${parameters}` });
      expect(
        await server().query('select 1 from pg_stat_activity where application_name = $1', [
          application,
        ]),
      ).toHaveLength(1);
      await server().query('begin');
      await server().query(`lock table ${table}`);
      onTestFinished(async () => {
        await server().query('rollback');
      });

      expect(await failureOf(sink.write(storedEvents(1)))).toMatchObject({
        errorType: 'timeout',
        message: expect.stringContaining('lock timeout (SQLSTATE 55P03)'),
      });
    });

    it('asks for no TLS on a Unix socket, whatever its sslmode', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'gotrack-socket-'));
      onTestFinished(() => rm(directory, { recursive: true }));
      const entry = createServer((client) => {
        const way = connect(server().address.port, server().address.host);
        client.pipe(way).pipe(client);
        client.on('error', () => way.destroy());
        way.on('error', () => client.destroy());
      }).listen(join(directory, '.s.PGSQL.5432'));
      await once(entry, 'listening');
      onTestFinished(() => {
        entry.close();
      });
      const { username, password } = new URL(server().dsn);

      for (const mode of ['require', 'verify-full']) {
        const dsn = `postgres://${username}:${password}@/postgres?host=${directory}&port=5432&sslmode=${mode}`;
        await expect(createOpen({ table: newTable(), dsn })).resolves.toBeDefined();
      }
    });
  });

  it('reads the file of PG_DSN_FILE again for each new connection', async () => {
    const table = newTable();
    const proxy = await newProxy();
    const directory = await mkdtemp(join(tmpdir(), 'gotrack-dsn-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const path = join(directory, 'dsn');
    await writeFile(path, dsnWith(server().dsn, { port: proxy.port }));
    const given = { PG_DSN_FILE: path, PG_TABLE: table };
    const { options } = readOptions(
      PostgresOptions,
      new Map(Object.entries(given).map(([name, text]) => [name, { text, source: 'test' }])),
      '.',
    );
    const sink = new PostgresSink(options);
    onTestFinished(() => sink.close());
    await sink.open();

    await proxy.close();
    await failureOf(sink.write(storedEvents(1)));
    await rm(path);
    expect((await failureOf(sink.write(storedEvents(1)))).message).toBe(
      'PG_DSN_FILE names a file that cannot be read: it does not exist (ENOENT)',
    );
    await writeFile(path, server().dsn);
    await sink.write(storedEvents(1));

    expect(await rowsOf(table)).toHaveLength(1);
  });
});
