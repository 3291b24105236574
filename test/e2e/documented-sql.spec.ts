import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Workplace } from '../support/servers/collector.js';
import {
  dsnWith,
  type PostgresServer,
  startPostgres,
  uniqueName,
} from '../support/servers/postgres-server.js';

const started = await startPostgres();
afterAll(() => started?.stop());

/** The statements that a page of docs/operations shows under a heading. */
async function documented(name: string, heading: string): Promise<readonly string[]> {
  const page = await readFile(`docs/operations/${name}.md`, 'utf8');
  const from = page.indexOf(`# ${heading}\n`);
  const section = page.slice(from, page.indexOf('\n## ', from));
  return [...section.matchAll(/```sql\n(.*?)```/gs)].map(([, sql = '']) => sql);
}

describe.skipIf(!started)('the SQL of docs/operations', () => {
  const server = started as PostgresServer;
  /** The documents name the table and the role: a database of its own keeps them from others. */
  const database = uniqueName('documented');
  const role = uniqueName('gotrack');
  let admin: Client;
  let workplace: Workplace;

  const dsnOf = (change: { user?: string; password?: string } = {}): string => {
    const dsn = new URL(dsnWith(server.dsn, change));
    dsn.pathname = `/${database}`;
    return dsn.toString();
  };

  async function deliver(
    environment: Record<string, string>,
    events: readonly object[],
    headers: Record<string, string> = {},
  ) {
    const collector = await workplace.start({ OUTPUTS: 'postgres', ...environment });
    const response = await fetch(`${collector.url}/collect`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(events),
    });
    expect(response.status).toBe(202);
    await collector.drained('postgres');
    expect(await collector.metric('gotrack_sink_errors_total')).toBe(0);
    await collector.stop();
  }

  const rows = async (): Promise<number> => {
    const { rows: found } = await admin.query<{ count: string }>(
      'select count(*) from events_json',
    );
    return Number(found[0]?.count);
  };

  beforeAll(async () => {
    await server.query(`create database ${database}`);
    await server.query(`revoke temporary on database ${database} from public`);
    admin = new Client({ connectionString: dsnOf() });
    await admin.connect();
  });

  afterAll(async () => {
    await admin.end();
    await server.query(`drop database ${database}`);
    await server.query(`drop role if exists ${role}`);
  });

  beforeEach(async () => {
    workplace = await Workplace.create();
  });
  afterEach(() => workplace.remove());

  it('makes a role and a table with which events are delivered', async () => {
    const [table = '', temporary = ''] = (
      await documented('sinks', 'The role PostgreSQL needs')
    ).map((sql) =>
      sql.replaceAll(/\bto gotrack\b/g, `to ${role}`).replace('role gotrack', `role ${role}`),
    );
    await admin.query(table);
    const dsn = dsnOf({ user: role, password: 'change-me' });
    const event = () => ({ event_id: randomUUID() });
    await deliver({ PG_DSN: dsn, PG_COPY: 'false' }, [event(), event()]);
    expect(await rows()).toBe(2);

    await admin.query(temporary);
    await deliver({ PG_DSN: dsn }, [event()]);
    expect(await rows()).toBe(3);
  });

  it('makes views of page views, campaigns and users', async () => {
    await admin.query('truncate events_json');
    const event = (fields: object) => ({ event_id: randomUUID(), ...fields });
    const day = new Date();
    const at = (seconds: number): string => new Date(day.getTime() - seconds * 1000).toISOString();
    const visit = {
      ts: at(0),
      route: { domain: 'shop.example', path: '/cart', title: 'Cart' },
      session: { visitor_id: 'v-1', session_id: 's-1' },
      url: { referrer_hostname: 'a.example', utm: { source: 'mail', campaign: 'spring' } },
    };
    await deliver({ PG_DSN: dsnOf() }, [
      event(visit),
      event({ ...visit, type: 'signup', user: { id: 'u-1', group_id: 'g-1' } }),
      event({ ts: at(9), type: 'identify', user: { id: 'u-1', traits: { plan: 'free' } } }),
      event({ ts: at(5), type: 'identify', user: { id: 'u-1', traits: { plan: 'pro' } } }),
      event({ ts: at(5), type: 'other' }),
    ]);
    const [views = ''] = await documented('sinks', 'Views in PostgreSQL');
    await admin.query(views);
    const read = async (view: string) => (await admin.query<object>(`select * from ${view}`)).rows;
    expect(await read('page_views')).toEqual([
      expect.objectContaining({
        domain: 'shop.example',
        path: '/cart',
        title: 'Cart',
        referrer: 'a.example',
        session_id: 's-1',
        visitor: 'v-1',
        user_id: null,
        source: null,
      }),
    ]);
    expect(await read('campaigns')).toEqual([
      expect.objectContaining({
        source: 'mail',
        medium: null,
        campaign: 'spring',
        events: '2',
        visitors: '1',
      }),
    ]);
    expect(await read('users')).toEqual([
      {
        user_id: 'u-1',
        first_seen: new Date(at(9)),
        last_seen: new Date(at(0)),
        events: '3',
        group_id: 'g-1',
        traits: { plan: 'pro' },
      },
    ]);
  });

  it('makes a view with a column for all that people group by', async () => {
    await admin.query('truncate events_json');
    const event = (fields: object) => ({ event_id: randomUUID(), ...fields });
    await deliver(
      {
        PG_DSN: dsnOf(),
        TRUST_PROXY: '127.0.0.1',
        VISITOR_HASH: 'true',
        INGEST_API_KEYS: 'shop:key-of-shop',
      },
      [
        event({
          type: 'pageview',
          route: { domain: 'shop.example', path: '/cart', title: 'Cart' },
          url: { utm: { source: 'mail', medium: 'email', campaign: 'spring' } },
          device: { language: 'en' },
          props: { plan: 'free' },
        }),
      ],
      {
        'x-forwarded-for': '81.2.69.142',
        'cf-ipcountry': 'GB',
        'cf-ipcity': 'London',
        'cf-region-code': 'ENG',
        authorization: 'Bearer key-of-shop',
      },
    );
    const [, view = '', question = ''] = await documented('sinks', 'Views in PostgreSQL');
    await admin.query(view);
    const { rows: flat } = await admin.query<{ bot: string; received_at: Date }>(
      'select * from events_flat',
    );
    expect(flat).toEqual([
      expect.objectContaining({
        ts: flat[0]?.received_at,
        type: 'pageview',
        domain: 'shop.example',
        path: '/cart',
        title: 'Cart',
        referrer: null,
        utm_source: 'mail',
        utm_medium: 'email',
        utm_campaign: 'spring',
        session_id: null,
        visitor: expect.stringMatching(/^[0-9a-f]{64}$/),
        language: 'en',
        source: 'shop',
        country: 'GB',
        region: 'ENG',
        city: 'London',
        purpose: null,
        props: { plan: 'free' },
      }),
    ]);
    // An event counts as a person's unless it is known to be a bot's.
    await admin.query(
      `update events_json set payload = jsonb_set(payload, '{server,bot}', '{"verdict":"human"}')`,
    );
    const { rows: answer } = await admin.query<object>(question);
    expect(answer).toEqual([{ day: expect.any(Date), country: 'GB', visitors: '1' }]);
    await admin.query(
      `update events_json set payload = jsonb_set(payload, '{server,bot,verdict}', '"bot"')`,
    );
    expect((await admin.query(question)).rowCount).toBe(0);
  });

  it("erases one person's events, and nobody else's", async () => {
    await admin.query('truncate events_json');
    const events = ['visitor-1', 'visitor-2', 'visitor-1'].map((visitor_id) => ({
      event_id: randomUUID(),
      session: { visitor_id },
    }));
    await deliver({ PG_DSN: dsnOf() }, events);
    const [erase = ''] = await documented('security', 'In the table and the topic');
    expect((await admin.query(erase)).rowCount).toBe(2);
    const { rows: left } = await admin.query<{ event_id: string }>(
      'select event_id from events_json',
    );
    expect(left).toEqual([{ event_id: events[1]?.event_id }]);
  });

  it('deletes what is old in batches, and nothing that is not', async () => {
    await admin.query('truncate events_json');
    await admin.query(`insert into events_json (event_id, ts, payload)
      select gen_random_uuid(), now() - n * interval '1 hour', '{}'
        from generate_series(0, 15000) as n`);
    const [sweep = ''] = await documented('sinks', 'Retention in PostgreSQL');
    expect((await admin.query(sweep)).rowCount).toBe(10_000);
    expect((await admin.query(sweep)).rowCount).toBe(15_000 - 90 * 24 + 1 - 10_000);
    expect((await admin.query(sweep)).rowCount).toBe(0);
    expect(await rows()).toBe(90 * 24);
  });
});
