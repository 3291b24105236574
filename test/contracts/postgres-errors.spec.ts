import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readOptions } from '../../src/config/read-options.js';
import type { StoredEvent } from '../../src/event/stored-event.js';
import { PostgresSink } from '../../src/sinks/postgres/postgres-sink.js';
import { PostgresOptions } from '../../src/sinks/postgres/postgres.options.js';
import { RejectedBatchError, RetryableSinkError } from '../../src/sinks/sink.js';
import { EventsTable } from '../support/servers/events-table.js';
import {
  dsnWith,
  type PostgresServer,
  startPostgres,
  uniqueName,
} from '../support/servers/postgres-server.js';
import { storedEvents } from './sink-contract.js';

const SECRET = 'hunter2';

/** Each class of "PostgreSQL Error Codes" in its manual, and codes that differ from their class. */
const SQLSTATES = {
  event: ['22000', '22P02', '22P05', '22001', '23000', '23502', '23505', '23514', '23P01'],
  server: [
    '2200H',
    '08000',
    '08P01',
    '25000',
    '25006',
    '25P02',
    '28000',
    '28P01',
    '40000',
    '40001',
    '40P01',
    '53000',
    '53100',
    '53300',
    '55000',
    '55006',
    '55P03',
    '57000',
    '57014',
    '57P01',
    '57P03',
    '58000',
    '58030',
    '58P01',
  ],
  suspect: [
    '01000',
    '02000',
    '03000',
    '09000',
    '0A000',
    '0B000',
    '0F000',
    '0L000',
    '0P000',
    '0Z000',
    '10608',
    '20000',
    '21000',
    '24000',
    '26000',
    '27000',
    '2B000',
    '2D000',
    '2F000',
    '34000',
    '38000',
    '39000',
    '3B000',
    '3D000',
    '3F000',
    '42000',
    '42501',
    '42601',
    '42P01',
    '42703',
    '44000',
    '54000',
    '54001',
    '72000',
    'F0000',
    'HV000',
    'P0000',
    'P0001',
    'XX000',
    'XX001',
  ],
};

const started = await startPostgres();
afterAll(() => started?.stop());

function server(): PostgresServer {
  if (!started) {
    throw new Error('there is no server');
  }
  return started;
}

function createSink(table: string, copy = true, dsn = server().dsn): PostgresSink {
  const variables = { PG_DSN: dsn, PG_TABLE: table, PG_COPY: String(copy) };
  const given = Object.entries(variables).map(
    ([name, text]) => [name, { text, source: 'environment' }] as const,
  );
  return new PostgresSink(readOptions(PostgresOptions, new Map(given), '.').options);
}

function eventWith(members: object): StoredEvent {
  const json = JSON.stringify({ event_id: randomUUID(), ts: '2026-11-23T10:00:00Z', ...members });
  return { position: 0, json: Buffer.from(json) };
}

interface Failure {
  readonly verdict: string;
  readonly error: RejectedBatchError | RetryableSinkError;
}

async function failureOf(sink: PostgresSink, event: StoredEvent): Promise<Failure> {
  const error: unknown = await sink.write([event]).catch((reason: unknown) => reason);
  if (error instanceof RejectedBatchError) {
    return { verdict: 'event', error };
  }
  if (error instanceof RetryableSinkError) {
    return { verdict: error.suspect ? 'suspect' : 'server', error };
  }
  throw new Error(`not refused: ${String(error)}`);
}

/** What ends up in the log and on `/readyz`. */
function shownOf(error: Error): string {
  return `${error.message} ${String(error.cause)} ${error.stack}`;
}

async function newTable(): Promise<string> {
  const table = await EventsTable.create(server(), 'errors');
  onTestFinished(() => table.drop());
  return table.name;
}

describe.skipIf(!started)('an error of PostgreSQL', () => {
  describe.each([true, false])('that a trigger raises, with PG_COPY=%s', (copy) => {
    let table: EventsTable;
    let sink: PostgresSink;

    beforeAll(async () => {
      table = await EventsTable.create(server(), 'errors');
      // Raises the SQLSTATE that the event names, and puts the event into everything that it says.
      await server().query(
        `create function ${table.name}_raise() returns trigger language plpgsql as $$ begin
           if new.payload ? 'sqlstate' then
             raise exception using errcode = new.payload->>'sqlstate', message = new.payload::text,
               detail = new.payload::text, hint = new.payload::text, schema = new.payload::text,
               table = new.payload::text, column = new.payload::text,
               constraint = new.payload::text, datatype = new.payload::text;
           end if;
           return new;
         end $$;
         create trigger raising before insert on ${table.name}
           for each row execute function ${table.name}_raise()`,
      );
      sink = createSink(table.name, copy);
      await sink.open();
    });

    afterAll(async () => {
      await sink.close();
      await table.drop();
      await server().query(`drop function ${table.name}_raise()`);
    });

    it.each(Object.entries(SQLSTATES))(
      'is the fault of an event, the server or a suspect by its SQLSTATE: %s',
      async (verdict, codes) => {
        const verdicts: Record<string, string> = {};
        for (const sqlstate of codes) {
          const failure = await failureOf(sink, eventWith({ sqlstate, secret: SECRET }));
          verdicts[sqlstate] = failure.verdict;
          expect(failure.error.message).toContain(sqlstate);
          expect(shownOf(failure.error)).not.toContain(SECRET);
        }
        expect(verdicts).toEqual(Object.fromEntries(codes.map((code) => [code, verdict])));
      },
    );

    it('leaves nothing of the batch, and the sink of use', async () => {
      const [good] = storedEvents(1);
      const bad = eventWith({ sqlstate: 'P0001' });
      await expect(sink.write([good as StoredEvent, bad])).rejects.toMatchObject({ suspect: true });
      expect(await table.ids()).toEqual([]);

      expect(await sink.write([good as StoredEvent])).toEqual({ duplicates: 0 });
    });

    it('has its words in what goes to the dead letters', async () => {
      for (const sqlstate of ['P0001', '22P02']) {
        const { error } = await failureOf(sink, eventWith({ sqlstate, secret: SECRET }));
        expect(error.verbatim).toContain(SECRET);
      }
    });
  });

  describe.each([true, false])('with PG_COPY=%s', (copy) => {
    async function open(table: string, dsn?: string): Promise<PostgresSink> {
      const sink = createSink(table, copy, dsn);
      onTestFinished(() => sink.close());
      await sink.open();
      return sink;
    }

    it.each([
      [
        'a value too large for an index',
        `create index TABLE_long on TABLE ((payload#>>'{route,fullPath}'))`,
        // Such that it cannot be compressed.
        { route: { fullPath: `${SECRET}${randomBytes(4000).toString('hex')}` } },
        { verdict: 'suspect', message: /SQLSTATE 54000/ },
      ],
      [
        'a value that an index cannot convert',
        `create index TABLE_price on TABLE (((payload->'props'->>'price')::numeric))`,
        { props: { price: SECRET } },
        { verdict: 'event', message: /^PostgreSQL fails with SQLSTATE 22P02, / },
      ],
      [
        'a constraint',
        `alter table TABLE add constraint no_secret check (payload->>'type' <> '${SECRET}')`,
        { type: SECRET },
        { verdict: 'event', message: /constraint "no_secret" \(SQLSTATE 23514\)$/ },
      ],
      [
        'a sequence at its end',
        `alter sequence TABLE_id_seq maxvalue 2; select setval('TABLE_id_seq', 2)`,
        {},
        { verdict: 'server', message: /sequence .* \(SQLSTATE 2200H\)/ },
      ],
      [
        'a column that is gone',
        'alter table TABLE drop column payload',
        {},
        { verdict: 'suspect', message: /"payload" .* does not exist \(SQLSTATE 42703\)$/ },
      ],
      [
        'a table that is gone',
        'drop table TABLE',
        {},
        { verdict: 'suspect', message: /does not exist \(SQLSTATE 42P01\): create the table/ },
      ],
    ])('about %s says so', async (_, change, members, { verdict, message }) => {
      const table = await newTable();
      const sink = await open(table);
      await server().query(change.replaceAll('TABLE', table));

      const failure = await failureOf(sink, eventWith(members));

      expect(failure.verdict).toBe(verdict);
      expect(failure.error.message).toMatch(message);
      expect(shownOf(failure.error)).not.toContain(SECRET);
    });

    it('about a right that is missing says which, and may be about one event', async () => {
      const table = await newTable();
      const role = uniqueName('role');
      await server().query(`create role ${role} login password '${SECRET}'`);
      onTestFinished(async () => {
        await server().query(`drop owned by ${role}; drop role ${role}`);
      });
      const sink = await open(table, dsnWith(server().dsn, { user: role, password: SECRET }));

      expect(await failureOf(sink, eventWith({}))).toMatchObject({
        verdict: 'suspect',
        error: { message: expect.stringContaining(`permission denied for table ${table}`) },
      });
    });
  });

  it('about the login or the database is never about an event', async () => {
    const table = await newTable();
    const wrong = new URL(server().dsn);
    wrong.pathname = '/nowhere';
    for (const dsn of [wrong.href, dsnWith(server().dsn, { user: 'nobody' })]) {
      const sink = createSink(table, true, dsn);
      onTestFinished(() => sink.close());
      const { verdict, error } = await failureOf(sink, eventWith({}));
      expect(verdict).toBe('server');
      expect(error.message).toMatch(/SQLSTATE (3D000|28\w{3})/);
    }
  });
});
