import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Collector,
  type LoggedEvent,
  until,
  Workplace,
} from '../support/servers/collector.js';
import { ask } from '../support/servers/signing-client.js';

/** What else is found out about clients has a spec of its own. */
const NAMING = { BOTS: 'off', ENRICH_USER_AGENT: 'false', GEOIP_DB: 'off' };
const KEYS = 'shop:key-of-shop,back:key-of-back:server';
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0';
const ADDRESS = '203.0.113.177';
const OWN = { 'Content-Type': 'application/json', 'User-Agent': 'backend/1.0' };

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

async function post(
  { port }: Collector,
  events: unknown,
  headers: Record<string, string> = {},
  path = '/collect',
): Promise<string> {
  const asked = { body: JSON.stringify(events), headers: { ...OWN, ...headers } };
  return (await ask(port, path, asked)).body;
}

const withKey = (key: string): Record<string, string> => ({ Authorization: `Bearer ${key}` });

/** What says who the client was. */
const clientOf = ({ device, server, props }: LoggedEvent): unknown => ({ device, server, props });

async function stored(collector: Collector): Promise<unknown[]> {
  await collector.drained();
  return (await workplace.logged()).map(clientOf);
}

describe('a server with a marked key', () => {
  it('names the client of each of its events', async () => {
    const collector = await workplace.start({ ...NAMING, INGEST_API_KEYS: KEYS });
    await post(
      collector,
      [
        { context: { ip: ADDRESS, userAgent: AGENT, locale: 'de' } },
        { context: { ip: ' ::ffff:198.51.100.9 ' } },
        { context: { ip: '2001:db8:aaaa:bbbb::f00d', userAgent: 'grüner Agent 漢' } },
        { context: { ip: ADDRESS, userAgent: AGENT }, device: { ua: 'its own', os: 'x' } },
        { context: { ip: 'no address', userAgent: 7 } },
        { context: null },
        { type: 'nobody' },
      ],
      withKey('key-of-back'),
    );
    const source = 'back';
    expect(await stored(collector)).toEqual([
      {
        device: { ua: AGENT },
        server: { ip: '203.0.113.0', source },
        props: { context: { locale: 'de' } },
      },
      { server: { ip: '198.51.100.0', source } },
      { device: { ua: 'grüner Agent 漢' }, server: { ip: '2001:db8:aaaa::', source } },
      {
        device: { ua: 'its own', os: 'x' },
        server: { ip: '203.0.113.0', source },
        props: { context: { userAgent: AGENT } },
      },
      { server: { source }, props: { context: { userAgent: 7 } } },
      { server: { source } },
      { server: { source } },
    ]);
  });

  it('has the hash that the client itself would have', async () => {
    const collector = await workplace.start({
      ...NAMING,
      INGEST_API_KEYS: KEYS,
      IP_HASH_SECRET: 'a secret',
      TRUST_PROXY: '127.0.0.1',
    });
    await post(collector, { context: { ip: ADDRESS } }, withKey('key-of-back'));
    await post(collector, {}, { 'X-Forwarded-For': ADDRESS });
    await collector.drained();
    const [named, own] = (await workplace.logged()).map(
      ({ server }) => (server as { ip_hash?: string }).ip_hash,
    );
    expect(named).toMatch(/^[\da-f]{64}$/);
    expect(named).toBe(own);
  });

  it('asks for its client not to be tracked, by its own headers', async () => {
    const collector = await workplace.start({ ...NAMING, INGEST_API_KEYS: KEYS });
    const event = { context: { ip: ADDRESS, userAgent: AGENT }, session: { visitor_id: 'v' } };
    await post(collector, event, { ...withKey('key-of-back'), 'Sec-GPC': '1' });
    expect(await stored(collector)).toEqual([
      { device: { ua: AGENT }, server: { source: 'back' } },
    ]);
    expect((await workplace.logged())[0]).not.toHaveProperty('session');
  });

  it('is told by /collect/validate what would be stored', async () => {
    const collector = await workplace.start({ ...NAMING, INGEST_API_KEYS: KEYS, VALIDATE: 'true' });
    const event = { context: { ip: ADDRESS, userAgent: AGENT, app: 'a' } };
    const answer = await post(collector, event, withKey('key-of-back'), '/collect/validate');
    expect(JSON.parse(answer)).toMatchObject({
      events: [{ device: { ua: AGENT }, props: { context: { app: 'a' } } }],
    });
    expect(answer).not.toContain(ADDRESS);
  });

  it('may send the event again that was rejected: it still has its client', async () => {
    const collector = await workplace.start({
      ...NAMING,
      INGEST_API_KEYS: KEYS,
      MAX_EVENT_BYTES: '1024',
    });
    const props = { text: 'x'.repeat(2000) };
    const event = { context: { ip: ADDRESS, userAgent: AGENT }, props };
    await post(collector, event, withKey('key-of-back'));
    await collector.stop();
    const again = await workplace.start({ ...NAMING, INGEST_API_KEYS: KEYS });
    const { exitCode } = await workplace.run(['dead-letters', 'replay', 'rejected']);
    expect(exitCode).toBe(0);
    await until(async () => (await workplace.logged()).length === 1);
    expect(await stored(again)).toEqual([
      { device: { ua: AGENT }, server: { ip: '203.0.113.0', source: 'back' }, props },
    ]);
  });
});

describe('anyone else', () => {
  it.each([{}, withKey('key-of-shop')])('names no client: %j', async (headers) => {
    const collector = await workplace.start({ ...NAMING, INGEST_API_KEYS: KEYS });
    await post(collector, { context: { ip: ADDRESS, userAgent: AGENT, app: 'a' } }, headers);
    await post(collector, { context: 'is a text' }, headers);
    const events = await stored(collector);
    expect(events).toMatchObject([
      {
        device: { ua: 'backend/1.0' },
        server: { ip: '127.0.0.0' },
        props: { context: { userAgent: AGENT, app: 'a' } },
      },
      { props: { context: 'is a text' } },
    ]);
  });
});

describe('context.ip', () => {
  it.each([{}, withKey('key-of-shop'), withKey('key-of-back')])(
    'is stored nowhere, of valid events and of rejected ones: %j',
    async (headers) => {
      const collector = await workplace.start({
        ...NAMING,
        INGEST_API_KEYS: KEYS,
        MAX_EVENT_BYTES: '4096',
      });
      const context = { ip: ADDRESS, userAgent: AGENT };
      const many = Object.fromEntries(Array.from({ length: 1100 }, (_, n) => [`f${n}`, 1]));
      await post(
        collector,
        [
          { type: 'valid', context },
          { type: 7, context },
          { type: 'x'.repeat(200), context },
          { type: 'large', context, props: { text: 'x'.repeat(5000) } },
          { type: 'many', context, props: many },
          { type: 'listed', context: { ip: [ADDRESS, { ip: ADDRESS }] } },
        ],
        headers,
      );
      await collector.drained();
      await collector.stop();
      const names = await readdir(workplace.path('data'), { recursive: true, withFileTypes: true });
      const texts = await Promise.all(
        names
          .filter((entry) => entry.isFile())
          .map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')),
      );
      const everything = [...texts, ...collector.log].join('\n');
      for (const type of ['valid', 'listed', 'large', 'many']) {
        expect(everything).toContain(`"type":"${type}"`);
      }
      expect(everything.includes(ADDRESS)).toBe(false);
    },
  );
});
