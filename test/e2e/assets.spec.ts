import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Collector, sumOf, Workplace } from '../support/servers/collector.js';
import { ask } from '../support/servers/signing-client.js';

const NAMES = ['pixel.js', 'pixel.umd.js', 'pixel.esm.js', 'pixel.lite.js', 'pixel.auto.js'];

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

interface Got {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
}

/** The bytes as they come: `fetch` would decompress them. */
function get(
  { port }: Collector,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Got> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers, method, agent: false }, (response) => {
      buffer(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      );
    })
      .on('error', reject)
      .end();
  });
}

const built = (name: string): Promise<Buffer> => readFile(`dist/assets/${name}`);

describe("the browser client's files", () => {
  it('are scripts for every page, kept for an hour', async () => {
    const collector = await workplace.start({
      CORS_ORIGINS: 'https://shop.example',
      REQUIRE_API_KEY: 'true',
      INGEST_API_KEYS: 'shop:0123456789abcdef',
    });
    for (const name of NAMES) {
      const { status, headers, body } = await get(collector, `/${name}`, {
        Origin: 'https://shop.example',
      });
      expect(body.equals(await built(name))).toBe(true);
      expect({ status, headers }).toMatchObject({
        status: 200,
        headers: {
          'content-type': 'text/javascript; charset=utf-8',
          'content-length': String(body.length),
          'cache-control': 'public, max-age=3600',
          'access-control-allow-origin': '*',
          'cross-origin-resource-policy': 'cross-origin',
          'x-content-type-options': 'nosniff',
          vary: 'Accept-Encoding',
          etag: expect.stringMatching(/^"[\da-f]{16}"$/) as string,
        },
      });
      expect(headers['content-encoding']).toBeUndefined();
      expect(headers['access-control-allow-credentials']).toBeUndefined();
      const head = await get(collector, `/${name}`, { Origin: 'https://shop.example' }, 'HEAD');
      expect(head.body.length).toBe(0);
      expect({ ...head.headers, date: undefined }).toEqual({ ...headers, date: undefined });
    }
  });

  it('are compressed as the client likes, each form with its own strong tag', async () => {
    const collector = await workplace.start();
    const script = await built('pixel.js');
    const forms = await Promise.all(
      ['br;q=0.1, gzip;q=0.2', 'gzip, deflate, br, zstd', 'gzip;q=0, br;q=0', 'deflate'].map(
        (coding) => get(collector, '/pixel.js', { 'Accept-Encoding': coding }),
      ),
    );
    const [gzipped, brotli, refused, other] = forms as [Got, Got, Got, Got];
    expect(forms.map(({ headers }) => headers['content-encoding'])).toEqual([
      'gzip',
      'br',
      undefined,
      undefined,
    ]);
    expect(gunzipSync(gzipped.body).equals(script)).toBe(true);
    expect(brotliDecompressSync(brotli.body).equals(script)).toBe(true);
    expect(refused.body.equals(script) && other.body.equals(script)).toBe(true);
    expect(new Set(forms.map(({ headers }) => headers['etag'])).size).toBe(3);
    expect(forms.every(({ headers }) => headers['vary'] === 'Accept-Encoding')).toBe(true);
  });

  it('are not sent again to a client that has them', async () => {
    const collector = await workplace.start();
    const br = { 'Accept-Encoding': 'br' };
    const { headers } = await get(collector, '/pixel.js', br);
    const etag = String(headers['etag']);
    for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await get(collector, '/pixel.js', { ...br, 'If-None-Match': tags });
      expect(again).toMatchObject({ status: 304, headers: { etag, vary: 'Accept-Encoding' } });
      expect(again.headers['cache-control']).toBe('public, max-age=3600');
      expect(again.body.length).toBe(0);
    }
    const plain = await get(collector, '/pixel.js', { 'If-None-Match': etag });
    expect(plain.status).toBe(200);
  });

  it('are kept for ever under the name with their hash, which Content-Location tells', async () => {
    const collector = await workplace.start({ CLIENT_PATH: '/t/app' });
    for (const ending of ['.js', '.umd.js', '.lite.js']) {
      const { headers, body } = await get(collector, `/t/app${ending}`);
      const name = String(headers['content-location']);
      expect(name).toMatch(/^app(\.umd|\.lite)?\.[\da-f]{16}\.js$/);
      for (const target of [`/t/${name}`, `http://collector.example/t/${name}?x`]) {
        const hashed = await get(collector, target);
        expect(hashed).toMatchObject({
          status: 200,
          headers: { 'cache-control': 'public, max-age=31536000, immutable' },
        });
        expect(hashed.headers['content-location']).toBeUndefined();
        expect(hashed.body.equals(body)).toBe(true);
      }
    }
    expect((await get(collector, '/t/app.0123456789abcdef.js')).status).toBe(404);
  });

  it('move with CLIENT_PATH, and are counted under one name', async () => {
    const collector = await workplace.start({ CLIENT_PATH: '/t/app' });
    expect((await get(collector, '/t/app.js')).status).toBe(200);
    expect((await get(collector, '/t/app.js', {}, 'HEAD')).status).toBe(200);
    for (const name of [...NAMES, 'pixel%2Ejs']) {
      expect((await get(collector, `/${name}`)).status).toBe(404);
    }
    const wrong = await ask(collector.port, '/t/app.umd.js', { body: '{}' });
    expect(wrong.status).toBe(405);
    expect(wrong.headers.allow).toBe('GET, HEAD, OPTIONS');
    const counted = async (labels: Record<string, string>): Promise<number> =>
      sumOf(await collector.metrics(), 'gotrack_http_requests_total', labels);
    expect(await counted({ endpoint: '/pixel.js', method: 'GET', status: '200' })).toBe(1);
    expect(await counted({ endpoint: '/pixel.js', method: 'HEAD', status: '200' })).toBe(1);
    expect(await counted({ endpoint: '/pixel.umd.js', method: 'POST', status: '405' })).toBe(1);
    expect(await counted({ endpoint: 'other', method: 'GET', status: '404' })).toBe(6);
    expect(await counted({ endpoint: '/pixel.js', status: '404' })).toBe(0);
  });

  it.each([
    ['/hmac', 'serves something else'],
    ['/t/app.js', 'without .js'],
    ['/t/', 'without .js'],
    ['t', 'without .js'],
  ])('refuse the start at CLIENT_PATH=%s', async (path, reason) => {
    const checked = await workplace.run(['check-config'], { CLIENT_PATH: path });
    expect(checked.exitCode).toBe(1);
    expect(checked.stderr).toContain('CLIENT_PATH: ');
    expect(checked.stderr).toContain(reason);
  });
});
