import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { ask, type ClientAnswer, SigningClient } from '../support/servers/signing-client.js';

const SECRET = 'a secret of 32 characters or more';
const ADDRESSES = ['127.0.0.1', '::1'];
const PATHS = ['/collect', '/', '/landing?utm_source=x'];
const JSON_TYPE = { 'content-type': 'application/json' };
const REFUSED = { status: 401, body: expect.stringContaining('"GT_UNKNOWN_SENDER"') as unknown };

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

function start(environment: Record<string, string> = {}): Promise<Collector> {
  return workplace.start({ SERVER_ADDR: ':0', HMAC_SECRET: SECRET, ...environment });
}

/** But for the time of day. */
function comparable({ status, headers, body }: ClientAnswer): string {
  const { date, ...rest } = headers;
  expect(date).toBeDefined();
  return JSON.stringify({ status, headers: rest, body });
}

describe.each(ADDRESSES)('with signatures on, a client at %s', (address) => {
  const clientOf = ({ port }: Collector) => new SigningClient(port, address);

  it('is collected on every path with the key of either service', async () => {
    const collector = await start();
    const clients = [clientOf(collector).embedKey(SECRET), await clientOf(collector).fetchKey()];
    for (const path of PATHS) {
      for (const client of clients) {
        expect(await client.post(path)).toMatchObject({
          status: 202,
          body: '{"status":"ok","accepted":1}',
        });
      }
    }
    const expected = PATHS.length * clients.length;
    expect(
      await collector.metric('gotrack_http_requests_total', {
        endpoint: '/collect',
        method: 'POST',
        status: '202',
      }),
    ).toBe(expected);
    await collector.drained();
    expect(await workplace.logged()).toHaveLength(expected);
  });

  it('is refused with the marker, and collected where no signature is required', async () => {
    const strict = await start();
    for (const path of PATHS) {
      expect(await clientOf(strict).post(path)).toMatchObject(REFUSED);
    }
    await strict.stop();
    const open = await start({ REQUIRE_HMAC: 'false' });
    for (const path of PATHS) {
      expect(await clientOf(open).post(path)).toMatchObject({ status: 202 });
    }
    const plain = { headers: JSON_TYPE, body: '{}' };
    expect(await ask(open.port, '/collect', plain, address)).toMatchObject({ status: 202 });
    expect(await ask(open.port, '/landing', plain, address)).toMatchObject({ status: 404 });
    const forged = clientOf(open).embedKey('another secret');
    expect(await forged.post('/collect')).toMatchObject(REFUSED);
  });

  it('gets one answer for all that is wrong, and nothing of it is counted as an event', async () => {
    const collector = await start({ INGEST_API_KEYS: 'shop:k1' });
    const client = clientOf(collector).embedKey(SECRET);
    const elsewhere = clientOf(collector).embedKey(SECRET, '192.0.2.7');
    const body = '{"type":"signup"}';
    const post = (headers: Record<string, string>, path = '/collect') =>
      ask(collector.port, path, { headers: { ...JSON_TYPE, ...headers }, body }, address);
    const answers = [
      await elsewhere.post('/collect', body),
      await client.post('/collect', body, { 'X-GoTrack-HMAC': client.sign('{"type":"Signup"}') }),
      await client.post('/collect', body, { 'X-GoTrack-HMAC': `${client.sign(body)}0` }),
      await client.post('/collect', body, { Authorization: 'Bearer wrong' }),
      await post({}),
      await post({ 'X-GoTrack-HMAC': 'tracking' }),
      await post({ Authorization: 'Bearer wrong' }),
      await post({}, '/collect?gt_key=wrong'),
    ];
    expect(answers[0]?.status).toBe(401);
    expect([...new Set(answers.map(comparable))]).toHaveLength(1);
    expect(await post({ Authorization: 'Bearer k1' })).toMatchObject({ status: 202 });
    const denied = (reason: string) =>
      collector.metric('gotrack_requests_denied_total', { reason });
    expect([await denied('signature'), await denied('key')]).toEqual([5, 3]);
    expect(await collector.metric('gotrack_events_received_total')).toBe(1);
    expect(await collector.metric('gotrack_http_requests_total', { status: '401' })).toBe(8);
  });
});

describe('with signatures on', () => {
  it('the raw body is what is signed, and the query may hold it', async () => {
    const collector = await start();
    const client = await new SigningClient(collector.port).fetchKey();
    const zipped = gzipSync('{"type":"zipped"}');
    const encoding = { 'Content-Encoding': 'gzip' };
    expect(await client.post('/collect', zipped, encoding)).toMatchObject({ status: 202 });
    const unzipped = { ...encoding, 'X-GoTrack-HMAC': client.sign('{"type":"zipped"}') };
    expect(await client.post('/collect', zipped, unzipped)).toMatchObject(REFUSED);
    // What is refused is never decompressed.
    const damaged = { ...encoding, 'X-GoTrack-HMAC': 'ab'.repeat(32) };
    expect(await client.post('/collect', 'no gzip', damaged)).toMatchObject(REFUSED);

    const upper = client.sign('{}').toUpperCase();
    const beacon = { body: '{}', headers: { 'Content-Type': 'text/plain' } };
    expect(await ask(collector.port, `/collect?gt_hmac=${upper}`, beacon)).toMatchObject({
      status: 202,
    });
    await collector.drained();
    expect(JSON.stringify(await workplace.logged())).not.toMatch(/gt_hmac/);
  });

  it('a large body is verified', async () => {
    const collector = await start({ MAX_BODY_BYTES: '4194304', MAX_EVENT_BYTES: '1048576' });
    const client = await new SigningClient(collector.port).fetchKey();
    const events = Array.from({ length: 30 }, () => ({ props: { text: 'x'.repeat(50_000) } }));
    const body = JSON.stringify(events);
    expect(await client.post('/collect', body)).toMatchObject({ status: 202 });
    const forged = { 'X-GoTrack-HMAC': client.sign('{}') };
    expect(await client.post('/collect', body, forged)).toMatchObject(REFUSED);
  });

  it('the pixel stays open', async () => {
    const collector = await start({ REQUIRE_HMAC: 'true' });
    const pixel = { method: 'GET', headers: { 'x-gotrack-hmac': 'ab' } };
    expect(await ask(collector.port, '/px.gif?gt_hmac=cd', pixel)).toMatchObject({ status: 200 });
  });

  it('the script and the key are those of each client, and kept by nobody', async () => {
    const collector = await start();
    const get = (path: string, address?: string) =>
      ask(collector.port, path, { method: 'GET' }, address);
    const mine = await get('/hmac/public-key');
    const { public_key: key, ...rest } = JSON.parse(mine.body) as Record<string, string>;
    expect(rest).toEqual({ algorithm: 'HMAC-SHA256', header: 'X-GoTrack-HMAC' });
    expect((await get('/hmac/public-key', '::1')).body).not.toContain(key);
    const script = await get('/hmac.js');
    expect(script.body).toContain(key);
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect([mine, script].map(({ headers }) => headers['cache-control'])).toEqual([
      'no-store',
      'no-store',
    ]);
    const post = await ask(collector.port, '/hmac.js', {});
    expect(post).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } });
    expect(
      await collector.metric('gotrack_http_requests_total', {
        endpoint: '/hmac.js',
        status: '200',
      }),
    ).toBe(1);
  });

  it('a header that an untrusted peer forges changes nobody', async () => {
    const collector = await start();
    const forged = {
      'X-Forwarded-For': '192.0.2.7',
      'X-Real-IP': '192.0.2.7',
      'CF-Connecting-IP': '192.0.2.7',
      Forwarded: 'for=192.0.2.7',
    };
    const client = new SigningClient(collector.port);
    const asOther = client.embedKey(SECRET, '192.0.2.7');
    expect(await asOther.post('/collect', '{}', forged)).toMatchObject(REFUSED);
    const asSelf = client.embedKey(SECRET);
    expect(await asSelf.post('/collect', '{}', forged)).toMatchObject({ status: 202 });
    await collector.drained();
    expect(await workplace.logged()).toMatchObject([{ server: { ip: '127.0.0.0' } }]);
  });

  it('the client behind a trusted proxy is the one that signs', async () => {
    const collector = await start({ TRUST_PROXY: '127.0.0.0/8' });
    const client = new SigningClient(collector.port).embedKey(SECRET, '203.0.113.9');
    const through = { 'X-Forwarded-For': '203.0.113.9' };
    expect(await client.post('/collect', '{}', through)).toMatchObject({ status: 202 });
    expect(await client.post('/collect', '{}')).toMatchObject(REFUSED);
  });

  it('a secret in a file is followed', async () => {
    const path = workplace.path('secret');
    await writeFile(path, `${SECRET}\n`);
    const collector = await workplace.start({ HMAC_SECRET_FILE: path });
    const client = new SigningClient(collector.port);
    const next = 'the next secret, which is long enough';
    expect(await client.embedKey(SECRET).post('/collect')).toMatchObject({ status: 202 });
    await writeFile(path, next);
    await until(async () => (await client.embedKey(next).post('/collect')).status === 202);
    expect(await client.embedKey(SECRET).post('/collect')).toMatchObject(REFUSED);
  });
});

describe('with signatures off', () => {
  it('the script and the key are not there, and a signature is not looked at', async () => {
    const collector = await workplace.start();
    const client = new SigningClient(collector.port).embedKey(SECRET);
    expect(await client.post('/collect')).toMatchObject({ status: 202 });
    expect(await client.post('/landing')).toMatchObject({ status: 404 });
    for (const path of ['/hmac.js', '/hmac/public-key']) {
      expect(await ask(collector.port, path, { method: 'GET' })).toMatchObject({ status: 404 });
    }
  });

  it.each([
    [{ REQUIRE_HMAC: 'true' }, 'REQUIRE_HMAC: needs HMAC_SECRET'],
    [{ REQUIRE_API_KEY: 'true' }, 'REQUIRE_API_KEY: needs INGEST_API_KEYS'],
  ])('what is required must be there: %o', async (environment, fault) => {
    const { exitCode, stderr } = await workplace.run(['serve'], environment);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(fault);
  });

  it("the Go service's public key is ignored with a warning", async () => {
    const { exitCode, stderr } = await workplace.run(['check-config'], { HMAC_PUBLIC_KEY: 'x' });
    expect(exitCode).toBe(0);
    expect(stderr).toContain('warning: HMAC_PUBLIC_KEY is ignored');
  });
});
