import { createHmac } from 'node:crypto';
import { globSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { EventsTable } from '../support/servers/events-table.js';
import type { PostgresServer } from '../support/servers/postgres-server.js';
import { exchange } from '../support/servers/raw-http.js';
import { sharedPostgres } from '../support/servers/shared-servers.js';
import { ask, type Asked, SigningClient } from '../support/servers/signing-client.js';

const SECRET = 'hmac-secret-that-nobody-may-see';
const KEY = 'api-key-that-nobody-may-see';
const SERVER_KEY = 'server-key-that-nobody-may-see';
const WRONG = 'wrong-key-that-nobody-may-see';
const FORGED = 'ab'.repeat(32);
const ADDRESSES = ['203.0.113.177', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:f00d'] as const;
/** Whose key each is given: an IPv6 client is its /64. */
const GIVEN = [ADDRESSES[0], '2001:db8:aaaa:bbbb::/64'];
const NAMED = '198.51.100.99';
/** It stands in events alone, and may be where events are. */
const PART = 'part-of-an-event';

const LISTED = `shop:${KEY},back:${SERVER_KEY}:server`;
const PAGE = `https://shop.example/${PART}?a=1&gt_key=${KEY}`;
const BODIES = [
  `{"type":"valid","props":{"p":"${PART}"}}`,
  `[{"type":"valid"},{"type":7,"props":{"p":"${PART}"}}]`,
  `{"type":7,"url":{"raw_query":"x=1&gt_key=${KEY}"}}`,
  `{"url":{"referrer":"${PAGE}","raw_query":"gt_key=${KEY}"},"props":{"url":"${PAGE}"}}`,
  `{"type":"refused","props":{"bad":"${PART}","url":"${PAGE}"}}`,
  `{"context":{"ip":"${NAMED}","userAgent":"${PART}"}}`,
  `{"context":{"ip":"${NAMED}"},"device":{"${PART}":1,"os":["${PART}"]}}`,
  `{"type":"${PART}${'x'.repeat(128)}","context":{"ip":"${NAMED}"}}`,
  `{"type":"cut","props":{"p":"${PART}`,
  `${PART} is no JSON`,
];

const keyOf = (address: string): Buffer =>
  createHmac('sha256', SECRET).update(`client-key:${address}`).digest();
const signed = (body: string, address: string): string =>
  createHmac('sha256', keyOf(address)).update(body).digest('hex');
const basic = (user: string): string => `Basic ${Buffer.from(`${user}:`).toString('base64')}`;
const bearer = (key: string): Record<string, string> => ({ Authorization: `Bearer ${key}` });

const KEYS = [KEY, SERVER_KEY, WRONG];
const SIGNERS = [...ADDRESSES, ...GIVEN];

/** What may be found nowhere but in the answers that give a client its key. */
const HIDDEN = [
  ['gt_key', 'gt_hmac', 'gt_sent_at', SECRET, FORGED, NAMED, ...ADDRESSES, ...KEYS],
  KEYS.map((key) => basic(key).slice('Basic '.length)),
  SIGNERS.map((address) => keyOf(address).toString('base64')),
  SIGNERS.map((address) => keyOf(address).toString('hex')),
  SIGNERS.flatMap((address) => BODIES.map((body) => signed(body, address))),
].flat();

const found = (texts: readonly string[], looked: readonly string[]): string[] =>
  looked.filter((text) => texts.some((each) => each.toLowerCase().includes(text.toLowerCase())));

const started = await sharedPostgres();
afterAll(() => started?.stop());

let workplace: Workplace;
/** What was answered, but for the events that `/collect/validate` shows. */
let told: string[];
let shown: string[];
let statuses: Set<number>;

beforeEach(async () => {
  workplace = await Workplace.create();
  told = [];
  shown = [];
  statuses = new Set();
});
afterEach(() => workplace.remove());

async function send(port: number, path: string, asked: Asked): Promise<void> {
  const { status, headers, body } = await ask(port, path, asked);
  statuses.add(status);
  const parsed = body.startsWith('{') ? (JSON.parse(body) as { events?: unknown }) : {};
  const { events = [], ...rest } = parsed;
  shown.push(JSON.stringify(events));
  told.push(JSON.stringify(headers), body.startsWith('{') ? JSON.stringify(rest) : body);
}

async function sendEvents(port: number, path: string, from: string): Promise<void> {
  const via = {
    'Content-Type': 'application/json',
    'X-Forwarded-For': from,
    'User-Agent': PART,
    Referer: PAGE,
  };
  for (const body of BODIES) {
    const post = (query: string, headers: Record<string, string>): Promise<void> =>
      send(port, `${path}${query}`, { body, headers: { ...via, ...headers } });
    await post('', bearer(KEY));
    await post('', bearer(SERVER_KEY));
    await post(`?gt_key=${KEY}&gt_hmac=${FORGED}&gt_sent_at=1`, {});
    await post('', { Authorization: basic(KEY) });
    await post('', bearer(WRONG));
    await post(`?gt_key=${WRONG}`, {});
    await post('', { 'X-GoTrack-HMAC': FORGED });
    await post('', { 'X-GoTrack-HMAC': signed(body, from) });
    await post(`?gt_hmac=${signed(body, from).toUpperCase()}`, {});
    await post('', { ...bearer(KEY), 'Content-Type': 'application/x-ndjson' });
    await post('', { ...bearer(KEY), 'Content-Type': `text/${PART}` });
    await post('', { ...bearer(KEY), 'Content-Encoding': 'gzip' });
    await post(`?gt_key=${KEY}`, { Origin: `https://${PART}.example` });
  }
}

async function sendRest(port: number, from: string): Promise<void> {
  const headers = { 'X-Forwarded-For': from, Referer: PAGE, 'User-Agent': PART };
  const page = encodeURIComponent(PAGE);
  for (const path of [
    `/px.gif?gt_key=${KEY}&gt_hmac=${FORGED}&e=${PART}`,
    `/px.gif?e=x&g%74_key=${KEY}&GT_HMAC=${FORGED}`,
    `/px.gif?GT_KEY=${SERVER_KEY}&context=${PART}`,
    `/px.gif?url=${page}&ref=${page}`,
    `/px.gif?gt_key=${WRONG}`,
    `/nowhere/${PART}?gt_key=${KEY}&gt_hmac=${FORGED}`,
  ]) {
    await send(port, path, { method: 'GET', headers });
    await send(port, path, { method: 'PUT', headers: { ...headers, ...bearer(KEY) } });
  }
  await new SigningClient(port).embedKey(SECRET, from).post('/landing', BODIES[0], headers);
  for (const path of ['/hmac.js', '/hmac/public-key']) {
    const { body } = await ask(port, path, { method: 'GET', headers });
    expect(
      found(
        [body],
        GIVEN.map((each) => keyOf(each).toString('base64')),
      ),
    ).toHaveLength(1);
  }
  const secrets = `Host: a\r\nAuthorization: Bearer ${KEY}\r\nX-Forwarded-For: ${from}\r\n`;
  for (const request of [
    `GET /px.gif?gt_key=${KEY} HTTP/1.1\r\n${secrets}${PART}\r\n\r\n`,
    `GET /px.gif?gt_key=${KEY} HTTP/1.1\r\n${secrets}X: ${PART}${'x'.repeat(100_000)}\r\n\r\n`,
    `${PART} /px.gif?gt_key=${KEY} HTTP/1.1\r\n${secrets}\r\n`,
    `POST /collect HTTP/1.1\r\n${secrets}Transfer-Encoding: ${PART}\r\n\r\n`,
  ]) {
    told.push(JSON.stringify(await exchange(port, request)));
  }
}

/** What other users of the machine see of a process. */
async function titlesOf({ pid }: Collector): Promise<string[]> {
  const paths = [`/proc/${pid}/cmdline`, ...globSync(`/proc/${pid}/task/*/comm`)];
  return Promise.all(paths.map((path) => readFile(path, 'utf8')));
}

async function pagesOf({ metricsUrl }: Collector): Promise<string[]> {
  return Promise.all(
    ['/', '/metrics', '/readyz'].map(async (path) => (await fetch(metricsUrl + path)).text()),
  );
}

async function filesOf(directory: string): Promise<Record<string, string>> {
  const names = globSync('**/*', { cwd: directory, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const files = names.map(async ({ name, parentPath }) => {
    return [name, await readFile(join(parentPath, name), 'latin1')] as const;
  });
  return Object.fromEntries(await Promise.all(files));
}

describe.skipIf(!started)('keys, secrets, signatures and addresses', () => {
  const server = started as PostgresServer;
  let table: EventsTable;

  beforeEach(async () => {
    table = await EventsTable.create(server, 'hidden');
    await table.refuseBad();
  });
  afterEach(() => table.drop());

  it('are nowhere after traffic of every kind, and parts of events only where events are', async () => {
    await writeFile(workplace.path('keys'), LISTED);
    const environment = {
      HMAC_SECRET: SECRET,
      INGEST_API_KEYS_FILE: workplace.path('keys'),
      TRUST_PROXY: '127.0.0.1',
      CORS_ORIGINS: 'https://shop.example',
      VALIDATE: 'true',
      LOG_LEVEL: 'trace',
      OUTPUTS: 'log,postgres',
      PG_DSN: server.dsn,
      PG_TABLE: table.name,
    };
    const collector = await workplace.start(environment);
    const { port } = collector;
    const tails = [['--json'], []].map((options) => workplace.begin(['tail', ...options]));
    const warmUp = { headers: bearer(KEY), body: '{"type":"valid"}' };
    await until(async () => {
      await send(port, '/collect', warmUp);
      return tails.every(({ output }) => output.length > 0);
    });
    for (const from of ADDRESSES) {
      await sendEvents(port, '/collect', from);
      await sendEvents(port, '/collect/validate', from);
      await sendRest(port, from);
    }
    await writeFile(workplace.path('keys'), `${LISTED},shop=${WRONG}`);
    await until(() => collector.log.some((line) => line.includes('the keys before stay in use')));
    await Promise.all([collector.drained('log'), collector.drained('postgres')]);
    told.push(...(await pagesOf(collector)));
    const processes = [collector, ...tails];
    const titles = await Promise.all(processes.map(titlesOf));
    for (const command of [['check-config'], ['queue', 'status'], ['dead-letters', 'list']]) {
      const { stdout, stderr } = await workplace.run(command, environment);
      told.push(stdout, stderr);
    }
    expect(await collector.stop()).toBe(0);
    told.push(...titles.flat(), ...processes.flatMap(({ log }) => log));
    shown.push(...tails.flatMap(({ output }) => output));
    const files = await filesOf(workplace.path('data'));
    const rows = await server.query<{ payload: unknown }>(`select payload from ${table.name}`);

    expect([...statuses].toSorted((a, b) => a - b)).toEqual([
      200, 202, 400, 401, 403, 404, 405, 415,
    ]);
    // Each has events, or this would show nothing.
    const queue = Object.keys(files).find((name) => name.endsWith('.segment')) ?? '';
    const withEvents = ['events.ndjson', 'rejected.ndjson', 'postgres.ndjson', queue];
    expect(withEvents.filter((name) => !files[name]?.includes(PART))).toEqual([]);
    expect(files['postgres.ndjson']).toContain('only_good');
    expect(
      found([JSON.stringify(rows)], [PART, '"source":"shop"', '"source":"back"']),
    ).toHaveLength(3);
    expect(found(shown, [PART, '203.0.113.0', '198.51.100.0'])).toHaveLength(3);
    expect(titles.flat().join(' ')).toContain('cli.js');

    expect(
      found([...told, ...shown, JSON.stringify(rows), ...Object.values(files)], HIDDEN),
    ).toEqual([]);
    expect(told.filter((text) => text.includes(PART))).toEqual([]);
  });
});
