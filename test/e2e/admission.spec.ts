import { readdir, rename, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { balancedBooks } from '../support/load/books.js';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { ask, type Asked, type ClientAnswer } from '../support/servers/signing-client.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const DENIALS = ['busy', 'origin', 'rate_limit', 'key', 'signature'];

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

const get = (
  { port }: Collector,
  path: string,
  headers: Record<string, string> = {},
  address?: string,
): Promise<ClientAnswer> => ask(port, path, { method: 'GET', headers }, address);

const post = (
  { port }: Collector,
  path: string,
  headers: Record<string, string> = {},
  given: Asked = {},
): Promise<ClientAnswer> =>
  ask(port, path, { body: '{}', ...given, headers: { ...JSON_TYPE, ...headers } });

const basic = (user: string): string => `Basic ${Buffer.from(`${user}:`).toString('base64')}`;

async function sourcesOf(collector: Collector): Promise<Record<string, number>> {
  const samples = await collector.metrics();
  return Object.fromEntries(
    samples
      .filter(({ name }) => name === 'gotrack_source_events_accepted_total')
      .map(({ labels, value }) => [labels['source'], value]),
  );
}

describe('a key', () => {
  it('names the source, wherever it stands, and is kept by nobody', async () => {
    const keys = 'shop:key-of-shop,shop:second-key,back:key-of-back:server';
    const collector = await workplace.start({ INGEST_API_KEYS: keys });
    expect(await sourcesOf(collector)).toEqual({ shop: 0, back: 0, none: 0 });
    const answers = [
      await post(collector, '/collect', { Authorization: 'Bearer key-of-shop' }),
      await post(collector, '/collect', { Authorization: basic('second-key') }),
      await post(collector, '/collect?utm_source=x&gt_key=key-of-back'),
      await get(collector, '/px.gif?gt_key=key-of-shop&e=pixel'),
      await post(collector, '/collect'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 200, 202]);
    expect(await sourcesOf(collector)).toEqual({ shop: 3, back: 1, none: 1 });
    await collector.drained();
    const events = await workplace.logged();
    expect(events.map(({ server }) => (server as { source?: string }).source)).toEqual([
      'shop',
      'shop',
      'back',
      'shop',
      undefined,
    ]);
    expect(events[2]).toMatchObject({ url: { raw_query: 'utm_source=x', query_size: 12 } });
    expect(events[3]).not.toHaveProperty('props');
  });

  it('that is wrong is refused, and one that is missing where it is required', async () => {
    const collector = await workplace.start({
      INGEST_API_KEYS: 'shop:key-of-shop',
      REQUIRE_API_KEY: 'true',
    });
    const answers = [
      await post(collector, '/collect'),
      await post(collector, '/collect', { Authorization: 'Bearer wrong' }),
      await post(collector, '/collect', {}, { body: 'no JSON' }),
      await get(collector, '/px.gif'),
      await get(collector, '/px.gif?gt_key=wrong'),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': 'Bearer realm="gotrack"' },
        body: answers[0]?.body,
      });
    }
    expect(await get(collector, '/healthz')).toMatchObject({ status: 200 });
    expect(await collector.metric('gotrack_requests_denied_total', { reason: 'key' })).toBe(5);
  });

  it('is looked at only where there are keys', async () => {
    const collector = await workplace.start();
    const answer = await post(collector, '/collect?gt_key=x', { Authorization: 'Bearer wrong' });
    expect(answer).toMatchObject({ status: 202 });
    expect(await sourcesOf(collector)).toEqual({});
    await collector.drained();
    expect(JSON.stringify(await workplace.logged())).not.toContain('gt_key');
  });

  it('comes and goes with its file, and a file that is broken changes nothing', async () => {
    const path = workplace.path('keys');
    await writeFile(path, 'shop:old-key\n');
    const collector = await workplace.start({ INGEST_API_KEYS_FILE: path });
    const statusOf = async (key: string): Promise<number> =>
      (await post(collector, '/collect', { Authorization: `Bearer ${key}` })).status;
    await writeFile(`${path}.new`, 'shop:old-key,shop:new-key,app:key-of-app');
    await rename(`${path}.new`, path);
    await until(async () => (await statusOf('key-of-app')) === 202);
    expect([await statusOf('old-key'), await statusOf('new-key')]).toEqual([202, 202]);
    expect(await sourcesOf(collector)).toMatchObject({ app: 1, shop: 2, none: 0 });

    await writeFile(path, 'shop=broken-key');
    await until(() => collector.log.some((line) => line.includes('the keys before stay in use')));
    expect(await statusOf('new-key')).toBe(202);

    await writeFile(path, 'shop:new-key');
    await until(async () => (await statusOf('old-key')) === 401);
    expect(await statusOf('new-key')).toBe(202);
    expect(collector.log.join('\n')).not.toMatch(/-key/);
  });

  it('stays out of what check-config shows; the names do not', async () => {
    const { exitCode, stdout, stderr } = await workplace.run(['check-config'], {
      INGEST_API_KEYS: 'shop:hunter2,back:hunter3:server',
      SOURCE_RATE_LIMITS: 'shop:20',
    });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/INGEST_API_KEYS +shop:\*+,back:\*+:server/);
    expect(stdout).toMatch(/SOURCE_RATE_LIMITS +shop:20/);
    expect(stdout + stderr).not.toMatch(/hunter/);
  });
});

describe('limits', () => {
  it('bound a client, and no other client', async () => {
    const collector = await workplace.start({ RATE_LIMIT_RPS: '5', TRUST_PROXY: '127.0.0.1' });
    const sendFrom = (client: string): Promise<ClientAnswer> =>
      post(collector, '/collect', { 'X-Forwarded-For': client });
    // From ever other addresses of one /64.
    const flood = await Promise.all(
      Array.from({ length: 100 }, (_, host) => sendFrom(`2001:db8:0:1::${host.toString(16)}`)),
    );
    const refused = flood.filter(({ status }) => status !== 202);
    expect(refused.length).toBeGreaterThan(0);
    for (const { status, headers, body } of refused) {
      expect({ status, retryAfter: headers['retry-after'] }).toEqual({
        status: 429,
        retryAfter: '1',
      });
      expect(JSON.parse(body)).toMatchObject({ code: 'GT_RATE_LIMIT' });
    }
    for (const other of ['2001:db8:0:2::1', '2001:db8::1', '192.0.2.1', '192.0.2.2']) {
      expect(await sendFrom(other)).toMatchObject({ status: 202 });
    }
    expect(await collector.metric('gotrack_requests_denied_total', { reason: 'rate_limit' })).toBe(
      refused.length,
    );
    await balancedBooks(collector);
  });

  it('count the peer, whatever it says about itself', async () => {
    const collector = await workplace.start({ RATE_LIMIT_RPS: '1' });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, host) =>
        post(collector, '/collect', {
          'X-Forwarded-For': `192.0.2.${host}`,
          'X-Real-IP': `192.0.2.${host}`,
          'CF-Connecting-IP': `192.0.2.${host}`,
        }),
      ),
    );
    expect(answers.some(({ status }) => status === 429)).toBe(true);
    expect(await get(collector, '/px.gif', {}, '127.0.0.2')).toMatchObject({ status: 200 });
  });

  it('bound a source over all its keys and clients', async () => {
    const collector = await workplace.start({
      INGEST_API_KEYS: 'shop:k1,shop:k2,app:k3',
      SOURCE_RATE_LIMITS: 'shop:3',
    });
    const sendWith = (key: string, address: string): Promise<ClientAnswer> =>
      get(collector, `/px.gif?gt_key=${key}`, {}, address);
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => sendWith(`k${1 + (n % 2)}`, `127.0.0.${1 + (n % 9)}`)),
    );
    expect(answers.some(({ status }) => status === 429)).toBe(true);
    expect(await sendWith('k3', '127.0.0.1')).toMatchObject({ status: 200 });
    expect(await get(collector, '/px.gif')).toMatchObject({ status: 200 });
  });

  it('name sources that there are', async () => {
    const { exitCode, stderr } = await workplace.run(['check-config'], {
      INGEST_API_KEYS: 'shop:k1',
      SOURCE_RATE_LIMITS: 'shopp:3',
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('SOURCE_RATE_LIMITS: names a source that INGEST_API_KEYS does not');
  });
});

describe('origins', () => {
  it('that are not listed are refused, and a request without one passes', async () => {
    const collector = await workplace.start({ CORS_ORIGINS: 'https://shop.example,null' });
    const statuses = async (headers: Record<string, string>): Promise<number[]> => [
      (await post(collector, '/collect', headers)).status,
      (await get(collector, '/px.gif', headers)).status,
    ];
    expect(await statuses({})).toEqual([202, 200]);
    expect(await statuses({ Origin: 'https://evil.example' })).toEqual([403, 200]);
    expect(await statuses({ Referer: 'https://evil.example/' })).toEqual([202, 403]);
    expect(
      await statuses({ Origin: 'https://shop.example', Referer: 'https://shop.example/a' }),
    ).toEqual([202, 200]);
    expect(await statuses({ Origin: 'null' })).toEqual([202, 200]);
    expect(await collector.metric('gotrack_requests_denied_total', { reason: 'origin' })).toBe(2);
    const { body } = await post(collector, '/collect', { Origin: 'https://evil.example' });
    expect(JSON.parse(body)).toMatchObject({ statusCode: 403, code: 'GT_ORIGIN' });
  });
});

describe('further paths', () => {
  it('take events, and are counted as the routes that they stand for', async () => {
    const collector = await workplace.start({ COLLECT_PATH: '/, /e', PIXEL_PATH: '/e,/p.gif' });
    expect(await post(collector, '/')).toMatchObject({ status: 202 });
    expect(await post(collector, '/e?utm_source=x')).toMatchObject({ status: 202 });
    expect(await get(collector, '/e?e=x')).toMatchObject({ status: 200 });
    expect(await get(collector, '/p.gif')).toMatchObject({ status: 200 });
    expect(await get(collector, '/')).toMatchObject({
      status: 405,
      headers: { allow: 'POST, OPTIONS' },
    });
    expect(await post(collector, '/f')).toMatchObject({ status: 404 });
    expect(await post(collector, '/collect')).toMatchObject({ status: 202 });
    const counted = (endpoint: string, status: string) =>
      collector.metric('gotrack_http_requests_total', { endpoint, status });
    expect(await counted('/collect', '202')).toBe(3);
    expect(await counted('/px.gif', '200')).toBe(2);
    expect(await counted('other', '404')).toBe(1);
  });

  it('may not be those on which something else is served', async () => {
    const { exitCode, stderr } = await workplace.run(['check-config'], {
      COLLECT_PATH: '/healthz',
      PIXEL_PATH: 'p.gif',
    });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/PIXEL_PATH: must be a comma list of paths/);
    const alone = await workplace.run(['check-config'], { COLLECT_PATH: '/healthz' });
    expect(alone.stderr).toMatch(/COLLECT_PATH: holds a path on which GoTrack serves/);
  });
});

describe('every refusal', () => {
  it('is one HTTP count, no event count and no stored byte', async () => {
    const collector = await workplace.start({
      INGEST_API_KEYS: 'shop:k1',
      HMAC_SECRET: 'a secret of 32 characters or more',
      CORS_ORIGINS: 'https://shop.example',
      RATE_LIMIT_RPS: '20',
      SOURCE_RATE_LIMITS: 'shop:1',
      TRUST_PROXY: '127.0.0.1',
    });
    const before = await collector.metrics();
    const denied = before.filter(({ name }) => name === 'gotrack_requests_denied_total');
    expect(denied.map(({ labels, value }) => [labels['reason'], value])).toEqual(
      DENIALS.map((reason) => [reason, 0]),
    );
    const statuses: number[] = [];
    const send = async (asked: Promise<ClientAnswer>): Promise<void> => {
      statuses.push((await asked).status);
    };
    await send(post(collector, '/collect', { Origin: 'https://evil.example' }));
    await send(post(collector, '/collect'));
    await send(post(collector, '/collect', { 'X-GoTrack-HMAC': 'ab'.repeat(32) }));
    await send(post(collector, '/collect?gt_key=k2'));
    await send(get(collector, '/px.gif', { Referer: 'https://evil.example' }));
    await Promise.all(
      Array.from({ length: 60 }, () =>
        send(post(collector, '/collect', { 'X-Forwarded-For': '192.0.2.1' })),
      ),
    );
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        send(get(collector, '/px.gif?gt_key=k1', { 'X-Forwarded-For': `192.0.3.${n}` })),
      ),
    );
    const accepted = statuses.filter((status) => status < 300).length;
    expect(new Set(statuses)).toEqual(new Set([403, 401, 429, 200]));
    expect(await collector.metric('gotrack_http_requests_total')).toBe(statuses.length);
    expect(await collector.metric('gotrack_requests_denied_total')).toBe(
      statuses.length - accepted,
    );
    const { endpoints } = await balancedBooks(collector);
    expect(endpoints.get('/collect')).toMatchObject({ received: 0, accepted: 0 });
    expect(endpoints.get('/px.gif')).toMatchObject({ received: accepted, accepted });
    await collector.drained();
    expect(await workplace.logged()).toHaveLength(accepted);
    expect(await readdir(workplace.path('data/dead-letters')).catch(() => [])).not.toContain(
      'rejected.ndjson',
    );
  });
});
