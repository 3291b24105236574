import { readdir, readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { balancedBooks } from '../support/load/books.js';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { ask, type Asked, type ClientAnswer } from '../support/servers/signing-client.js';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

const ORIGIN = { Origin: 'https://shop.example' };
const basic = (user: string): Record<string, string> => ({
  Authorization: `Basic ${Buffer.from(`${user}:`).toString('base64')}`,
});

function post(
  { port }: Collector,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<ClientAnswer> {
  return ask(port, path, { body: JSON.stringify(body), headers });
}

async function answers(collector: Collector, asked: readonly [string, Asked][]): Promise<string[]> {
  const all: string[] = [];
  for (const [path, what] of asked) {
    const { status, body } = await ask(collector.port, path, what);
    const { code } = JSON.parse(body) as { code?: string };
    all.push(`${status} ${code ?? body}`);
  }
  return all;
}

describe('the calls', () => {
  it('are known by each of their paths, and counted by their own', async () => {
    const collector = await workplace.start();
    const letters = {
      t: 'e',
      p: 'pageview',
      s: 'screenview',
      i: 'identify',
      g: 'group',
      a: 'alias',
    };
    const calls = ['track', 'page', 'screen', 'identify', 'group', 'alias'];
    for (const path of [...calls, ...Object.keys(letters)].flatMap((call) => [call, `${call}/`])) {
      const answer = await post(collector, `/v1/${path}?x=1`, { event: 'e', userId: path });
      expect([path, answer.status, answer.body]).toEqual([path, 200, '{"success":true}']);
    }
    for (const path of ['/v1/batch', '/v1/b', '/v1/import', '/beacon/v1/batch']) {
      const body = { batch: [{ type: 'track', event: 'batched' }] };
      expect((await post(collector, path, body)).status).toBe(200);
      expect((await post(collector, `${path}/`, body)).status).toBe(200);
    }
    await collector.drained();
    const types = Map.groupBy(await workplace.logged(), ({ type }) => type);
    expect(Object.fromEntries([...types].map(([type, events]) => [type, events.length]))).toEqual({
      ...Object.fromEntries(Object.values(letters).map((type) => [type, 4])),
      batched: 8,
    });
    for (const [call, requests] of [
      ...calls.map((each) => [each, 4] as const),
      ['batch', 8] as const,
    ]) {
      const endpoint = `/v1/${call}`;
      const labels = { endpoint, method: 'POST', status: '200' };
      expect(await collector.metric('gotrack_http_requests_total', labels)).toBe(requests);
      expect(await collector.metric('gotrack_events_accepted_total', { endpoint })).toBe(requests);
    }
    await balancedBooks(collector);
  });

  it('read any type of content as JSON, and gzip', async () => {
    const collector = await workplace.start();
    const body = JSON.stringify({ event: 'e' });
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'json',
      'text/html; charset=x',
    ]) {
      const answer = await ask(collector.port, '/v1/t', {
        body,
        headers: { 'Content-Type': type },
      });
      expect([type, answer.status]).toEqual([type, 200]);
    }
    const zipped = await ask(collector.port, '/v1/t', {
      body: gzipSync(body),
      headers: { 'Content-Encoding': 'gzip', 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    expect(zipped.status).toBe(200);
    expect(
      (await ask(collector.port, '/collect', { body, headers: { 'Content-Type': 'json' } })).status,
    ).toBe(415);
  });

  it('keep the good messages of a batch, and say what is wrong with the others', async () => {
    const collector = await workplace.start();
    const answer = await post(collector, '/v1/batch', {
      batch: [
        { type: 'track', event: 'good', messageId: 'm' },
        { type: 'trak', event: 'x', userId: 'u', context: { ip: '203.0.113.9' } },
        7,
        { type: 'track', event: 'x'.repeat(200) },
        { type: 'identify', userId: 'u', traits: 'x' },
      ],
    });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({
      success: true,
      rejected: [
        { index: 1, errors: [expect.stringMatching(/^type: must be one of track/)] },
        { index: 2, errors: ['message: must be an object'] },
        { index: 3, errors: ['type: must not be longer than 128 bytes'] },
        { index: 4, errors: ['traits: must be an object'] },
      ],
    });
    const none = await post(collector, '/v1/identify', { userId: {} });
    expect(none).toMatchObject({
      status: 200,
      body: '{"success":true,"rejected":[{"index":0,"errors":["userId: must be a text or a number"]}]}',
    });
    expect(await post(collector, '/v1/batch', { batch: [] })).toMatchObject({
      status: 200,
      body: '{"success":true}',
    });
    await collector.drained();
    expect(await workplace.logged()).toMatchObject([{ event_id: 'm', type: 'good' }]);
    await balancedBooks(collector);
    await collector.stop();
    const kept = await readFile(workplace.path('data/dead-letters/rejected.ndjson'), 'utf8');
    expect(kept).toContain('"user":{"id":"u"}');
    expect(kept).not.toContain('203.0.113.9');
    // What is no message is no event either.
    expect((await workplace.run(['dead-letters', 'replay', 'rejected'])).exitCode).toBe(0);
    const again = await workplace.start();
    await until(() => again.log.some((line) => line.includes('replayed: 0 event(s) accepted')));
    await again.drained();
    expect(await workplace.logged()).toHaveLength(1);
  });

  it('refuse what /collect refuses', async () => {
    const collector = await workplace.start({
      MAX_BODY_BYTES: '200000',
      MAX_BATCH_EVENTS: '300',
      CORS_ORIGINS: 'https://other.example',
    });
    const many = JSON.stringify({ batch: Array.from({ length: 301 }, () => ({})) });
    const context = { text: 'x'.repeat(1000) };
    const small = Array.from({ length: 250 }, () => ({ type: 'page' }));
    expect(
      await answers(collector, [
        ['/v1/batch', { body: '{' }],
        ['/v1/track', { body: '' }],
        ['/v1/track', { body: 'x', headers: { 'Content-Encoding': 'gzip' } }],
        ['/v1/track', { body: `"${'x'.repeat(200_000)}"` }],
        ['/v1/batch', { body: many }],
        ['/v1/batch', { body: JSON.stringify({ context, batch: small }) }],
        ['/v1/track', { body: '{}', headers: ORIGIN }],
        ['/v1/track', { method: 'GET' }],
        ['/v1/other', { body: '{}' }],
        ['/v1', { body: '{}' }],
      ]),
    ).toEqual([
      '400 GT_MALFORMED_JSON',
      '400 GT_EMPTY_BODY',
      '400 GT_CORRUPT_BODY',
      '413 GT_BODY_TOO_LARGE',
      '413 GT_TOO_MANY_EVENTS',
      '413 GT_BODY_TOO_LARGE',
      '403 GT_ORIGIN',
      '405 GT_METHOD_NOT_ALLOWED',
      '404 GT_NOT_FOUND',
      '404 GT_NOT_FOUND',
    ]);
    const { endpoints } = await balancedBooks(collector);
    expect([...endpoints.values()].every(({ received }) => received === 0)).toBe(true);
  });

  it('take large batches in pieces', async () => {
    const collector = await workplace.start();
    const text = 'x'.repeat(900);
    const batch = Array.from({ length: 900 }, (_, n) => ({
      type: 'track',
      event: 'e',
      properties: { n, text },
    }));
    const answer = await post(collector, '/v1/batch', {
      batch,
      context: { library: { name: 'l' } },
    });
    expect(answer).toMatchObject({ status: 200, body: '{"success":true}' });
    await collector.drained();
    const numbers = (await workplace.logged()).map(({ props }) => props?.['n']);
    expect(numbers).toEqual(batch.map(({ properties: { n } }) => n));
  });
});

describe('time', () => {
  it('is corrected by the clock of the client', async () => {
    const collector = await workplace.start();
    const ahead = Date.now() + 3_600_000;
    const iso = (ms: number): string => new Date(ms).toISOString().replace('Z', '000000Z');
    await post(collector, '/v1/batch', {
      sentAt: iso(ahead),
      batch: [{ type: 'track', event: 'batch', timestamp: iso(ahead - 60_000), sentAt: iso(0) }],
    });
    await post(collector, '/v1/track', {
      event: 'one',
      originalTimestamp: iso(ahead - 60_000),
      sentAt: iso(ahead),
    });
    await collector.drained();
    const events = await workplace.logged();
    expect(events).toHaveLength(2);
    for (const { ts, received_at: receivedAt, props } of events) {
      expect(Date.parse(String(receivedAt)) - Date.parse(String(ts))).toBe(60_000);
      expect(props).toBeUndefined();
    }
  });
});

describe('the key', () => {
  it('is the first that is there, and the body has it last', async () => {
    const collector = await workplace.start({
      INGEST_API_KEYS: 'one:k1,two:k2,three:k3,four:k4',
      REQUIRE_API_KEY: 'true',
      HMAC_SECRET: 'a secret of 32 characters or more',
    });
    const event = { event: 'e', writeKey: 'k4' };
    const requests: readonly [string, Record<string, string>, object, string][] = [
      ['?writeKey=k3', { ...basic('k1'), 'X-Write-Key': 'k2' }, event, 'one'],
      ['?writeKey=k3', { Authorization: 'Bearer k1', 'X-Write-Key': 'k2' }, event, 'one'],
      ['?writeKey=k3', { 'X-Write-Key': 'k2:secret' }, event, 'two'],
      ['?writeKey=k3', {}, event, 'three'],
      ['?gt_key=k3', {}, event, 'three'],
      ['', {}, event, 'four'],
      ['', { Authorization: 'Basic Og==' }, event, 'four'],
    ];
    for (const [query, headers, body] of requests) {
      expect((await post(collector, `/v1/t${query}`, body, headers)).status).toBe(200);
    }
    await post(collector, '/v1/batch', {
      writeKey: 'k4',
      batch: [{ type: 'page', writeKey: 'k1' }],
    });
    const refused = await answers(collector, [
      ['/v1/t', { body: '{"event":"e"}' }],
      ['/v1/t', { body: '{"event":"e","writeKey":"wrong"}' }],
      ['/v1/t', { body: '{"event":"e","writeKey":"k4"}', headers: { 'X-Write-Key': 'wrong' } }],
      ['/v1/t', { body: '{"event":"e","writeKey":{"k4":1}}' }],
      ['/v1/b', { body: '{"batch":[{"type":"page","writeKey":"k4"}]}' }],
    ]);
    expect(refused).toEqual(Array(5).fill('401 GT_UNKNOWN_SENDER'));
    expect(await collector.metric('gotrack_requests_denied_total', { reason: 'key' })).toBe(5);
    await collector.drained();
    const stored = await workplace.logged();
    expect(stored.map(({ server }) => (server as { source: string }).source)).toEqual([
      ...requests.map(([, , , source]) => source),
      'four',
    ]);
    await balancedBooks(collector);
    await collector.stop();
    const files = await readdir(workplace.path('data'), { recursive: true, withFileTypes: true });
    for (const { parentPath, name } of files.filter((entry) => entry.isFile())) {
      expect(await readFile(`${parentPath}/${name}`, 'latin1')).not.toMatch(/"k[1-4]"|wrong/);
    }
  });

  it('alone opens the way where signatures are required', async () => {
    const collector = await workplace.start({
      INGEST_API_KEYS: 'one:k1',
      HMAC_SECRET: 'a secret of 32 characters or more',
    });
    expect((await post(collector, '/v1/t', { event: 'e' })).status).toBe(401);
    expect((await post(collector, '/v1/t', { event: 'e', writeKey: 'k1' })).status).toBe(200);
    const denied = { reason: 'signature' };
    expect(await collector.metric('gotrack_requests_denied_total', denied)).toBe(1);
  });

  it('in a body counts for the limit of its source', async () => {
    const collector = await workplace.start({
      INGEST_API_KEYS: 'one:k1',
      SOURCE_RATE_LIMITS: 'one:3',
    });
    const all = await Promise.all(
      Array.from({ length: 20 }, () => post(collector, '/v1/t', { event: 'e', writeKey: 'k1' })),
    );
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200, 429]));
  });
});

describe('the client', () => {
  const CONTEXT = { ip: '203.0.113.77', userAgent: 'Mozilla/5.0 (é)' };
  const HEADERS = { 'User-Agent': 'sdk/1' };

  it('is whom a server says, and its address is not stored', async () => {
    const collector = await workplace.start({ INGEST_API_KEYS: 'srv:k1:server,site:k2' });
    const say = async (path: string, key: string, body: object): Promise<void> => {
      await post(collector, path, body, {
        ...HEADERS,
        ...basic(key),
        'Content-Type': 'application/json',
      });
    };
    for (const key of ['k1', 'k2']) {
      await say('/v1/t', key, { event: 'e', context: CONTEXT });
      await say('/v1/t', key, { event: 'e' });
      await say('/collect', key, { type: 'e', context: CONTEXT });
      await say('/collect', key, { type: 'e' });
    }
    await collector.drained();
    const events = await workplace.logged();
    const clients = events.map(({ server, device, props }) => [
      (server as { ip?: string }).ip,
      (device as { ua: string } | undefined)?.ua,
      props?.['context'],
    ]);
    const { userAgent } = CONTEXT;
    expect(clients).toEqual([
      ['203.0.113.0', userAgent, undefined],
      [undefined, undefined, undefined],
      ['203.0.113.0', userAgent, undefined],
      [undefined, undefined, undefined],
      ['127.0.0.0', userAgent, undefined],
      ['127.0.0.0', undefined, undefined],
      ['127.0.0.0', 'sdk/1', { userAgent }],
      ['127.0.0.0', 'sdk/1', undefined],
    ]);
    expect(JSON.stringify(events)).not.toContain(CONTEXT.ip);
  });

  it.each(['k1', 'k2'])('is what a bot is known by, not the SDK: key %s', async (key) => {
    const collector = await workplace.start({
      INGEST_API_KEYS: 'srv:k1:server,site:k2',
      BOTS: 'drop',
    });
    const message = (event: string, userAgent?: string): object => ({
      type: 'track',
      event,
      context: { userAgent },
    });
    const crawler = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
    const batch = [
      message('person', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'),
      message('crawler', crawler),
      message('unknown'),
    ];
    const headers = { 'User-Agent': 'python-requests/2.32', ...basic(key) };
    const answer = await post(collector, '/v1/batch', { batch }, headers);
    expect(answer).toMatchObject({ status: 200, body: '{"success":true}' });
    await collector.drained();
    const events = await workplace.logged();
    expect(events.map(({ type }) => type)).toEqual(['person', 'unknown']);
    expect(events[0]?.['server']).toMatchObject({ bot: { verdict: 'human' } });
    expect(events[1]?.['server']).not.toHaveProperty('bot');
    expect(await collector.metric('gotrack_events_dropped_total', { reason: 'bot' })).toBe(1);
    await balancedBooks(collector);
  });

  it('asks for privacy as everywhere', async () => {
    const collector = await workplace.start({ INGEST_API_KEYS: 'srv:k1:server' });
    const message = {
      event: 'e',
      userId: 'secret',
      anonymousId: 'secret',
      traits: { a: 'secret' },
      context: { ...CONTEXT, traits: { a: 'secret too' }, sessionId: 'secret' },
    };
    await post(collector, '/v1/t', message, { DNT: '1' });
    await post(collector, '/v1/t', message, { 'Sec-GPC': '1', ...basic('k1') });
    await collector.drained();
    const events = await workplace.logged();
    expect(events).toHaveLength(2);
    expect(JSON.stringify(events)).not.toMatch(/secret|203\.0/);
  });

  it('is not asked for parameters and fields that the operator strips', async () => {
    const collector = await workplace.start({
      SANITIZE_PARAMS: 'token',
      DROP_FIELDS: 'props.email,props.context.app,integrations',
    });
    await post(collector, '/v1/t', {
      event: 'e',
      integrations: { x: 'secret' },
      properties: { email: 'secret', plan: 'p' },
      context: { app: { name: 'secret' }, page: { url: 'https://a.example/?token=secret&a=1' } },
    });
    await collector.drained();
    const events = await workplace.logged();
    expect(events).toMatchObject([{ props: { plan: 'p' }, url: { raw_query: 'a=1' } }]);
    expect(JSON.stringify(events)).not.toContain('secret');
  });
});

describe('what SDKs ask for before they send', () => {
  const settingsOf = async (collector: Collector, headers: Record<string, string> = {}) => {
    const path = '/v1/projects/a%20key/settings';
    const answer = await ask(collector.port, path, { method: 'GET', headers });
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    return (JSON.parse(answer.body) as { integrations: Record<string, object> }).integrations[
      'Segment.io'
    ];
  };

  it('is that they send here', async () => {
    const collector = await workplace.start({ TRUST_PROXY: '127.0.0.1' });
    const host = `127.0.0.1:${collector.port}`;
    const own = { apiKey: 'a key', apiHost: `${host}/v1`, protocol: 'http' };
    expect(await settingsOf(collector)).toMatchObject(own);
    const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'events.example' };
    expect(await settingsOf(collector, forwarded)).toMatchObject({
      apiHost: 'events.example/v1',
      protocol: 'https',
    });
    const config = await ask(collector.port, '/sourceConfig/?writeKey=k', {
      method: 'GET',
      headers: ORIGIN,
    });
    expect(JSON.parse(config.body)).toMatchObject({
      source: { enabled: true, writeKey: 'k', destinations: [] },
    });
    const labels = { endpoint: '/v1/projects/:key/settings', method: 'GET', status: '200' };
    expect(await collector.metric('gotrack_http_requests_total', labels)).toBe(2);
  });

  it('names PUBLIC_URL, and believes no header of anyone', async () => {
    const collector = await workplace.start({ PUBLIC_URL: 'https://shop.example/events/' });
    expect(await settingsOf(collector)).toMatchObject({
      apiHost: 'shop.example/events/v1',
      protocol: 'https',
    });
    const plain = await workplace.start({
      QUEUE_PATH: workplace.path('other'),
      LOG_PATH: workplace.path('other.ndjson'),
      DEAD_LETTER_PATH: workplace.path('other-letters'),
    });
    const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'evil.example' };
    expect(await settingsOf(plain, forwarded)).toMatchObject({
      protocol: 'http',
      apiHost: `127.0.0.1:${plain.port}/v1`,
    });
  });

  it('is allowed with the headers that a preflight names', async () => {
    const collector = await workplace.start();
    const answer = await ask(collector.port, '/v1/t', {
      method: 'OPTIONS',
      headers: {
        ...ORIGIN,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,anonymousid,content-type',
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-headers']).toBe(
      'authorization,anonymousid,content-type',
    );
    const labels = { endpoint: '/v1/track', method: 'OPTIONS', status: '204' };
    expect(await collector.metric('gotrack_http_requests_total', labels)).toBe(1);
  });
});

describe('a message of the Segment API that is posted to /collect', () => {
  it('is stored as before, and its sender is told', async () => {
    const collector = await workplace.start();
    const body = [
      { type: 'signup', event: 'e' },
      ...Array.from({ length: 100 }, () => ({ userId: 'u' })),
    ];
    const answer = await post(collector, '/collect', body, { 'Content-Type': 'application/json' });
    expect(answer.status).toBe(202);
    expect(JSON.parse(answer.body)).toEqual({
      status: 'ok',
      accepted: 101,
      warnings: [expect.stringMatching(/^100 element\(s\), the first at index 1, .*\/v1\/batch/)],
    });
    const events = JSON.stringify([{ type: 'signup', userId: 'u', properties: {} }, {}]);
    const quiet = await ask(collector.port, '/collect', {
      body: events,
      headers: { 'Content-Type': 'application/json' },
    });
    expect(quiet.body).toBe('{"status":"ok","accepted":2}');
  });
});
