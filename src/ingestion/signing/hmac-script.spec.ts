import { createHmac } from 'node:crypto';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { hmacScript } from './hmac-script.js';

const KEY = Buffer.alloc(32, 7);
const URL_OF_CLIENT = 'https://t.example/collect';
const MARKED = { 'X-GoTrack-HMAC': 'tracking', 'Content-Type': 'application/json' };

interface Sent {
  readonly url: string;
  readonly signature: string | null;
  readonly body: string;
  readonly request: Request;
}

/** A page that records what its `fetch` was given. */
function newPage({ secure = true } = {}) {
  const sent: Sent[] = [];
  const page = createContext({
    crypto: secure ? globalThis.crypto : {},
    Headers,
    Request,
    TextEncoder,
    Uint8Array,
    atob,
    fetch: async (input: string | Request, init?: RequestInit) => {
      const request = new Request(input, init);
      sent.push({
        url: request.url,
        signature: request.headers.get('x-gotrack-hmac'),
        body: await request.clone().text(),
        request,
      });
    },
  });
  const load = (key = KEY): void => {
    runInContext(hmacScript(key), page);
  };
  const post = (input: string | Request, init?: RequestInit): Promise<unknown> =>
    (page['fetch'] as typeof fetch)(input, init);
  return { page, sent, load, post };
}

const signatureOf = (body: string, key = KEY): string =>
  createHmac('sha256', key).update(body).digest('hex');

describe('the signing script', () => {
  it('signs in the place of the marker', async () => {
    const { sent, load, post } = newPage();
    load();
    const body = '{"type":"größer"}';
    await post(URL_OF_CLIENT, { method: 'POST', headers: MARKED, body, keepalive: true });
    expect(sent).toMatchObject([{ url: URL_OF_CLIENT, body, signature: signatureOf(body) }]);
    expect(sent[0]?.request.headers.get('content-type')).toBe('application/json');
    expect(sent[0]?.request.keepalive).toBe(true);
  });

  it('signs a Request, and bytes', async () => {
    const { sent, load, post } = newPage();
    load();
    await post(new Request(URL_OF_CLIENT, { method: 'POST', headers: MARKED, body: 'text' }));
    await post(URL_OF_CLIENT, {
      method: 'POST',
      headers: Object.entries(MARKED),
      body: Buffer.from('bytes'),
    });
    expect(sent).toMatchObject([
      { body: 'text', signature: signatureOf('text') },
      { body: 'bytes', signature: signatureOf('bytes') },
    ]);
    expect(sent.map(({ request }) => request.method)).toEqual(['POST', 'POST']);
  });

  it('serves a client that was there before it', async () => {
    const { page, sent, load } = newPage();
    const body = '{}';
    runInContext('this.send = (url, init) => fetch(url, init)', page);
    load();
    const send = page['send'] as typeof fetch;
    await send(URL_OF_CLIENT, { method: 'POST', headers: MARKED, body });
    expect(sent).toMatchObject([{ signature: signatureOf(body) }]);
  });

  it("leaves the page's own requests alone", async () => {
    const { sent, load, post } = newPage();
    load();
    await post('https://site.example/api', { method: 'POST', body: 'x' });
    await post('https://site.example/api');
    await post(URL_OF_CLIENT, {
      method: 'POST',
      headers: { 'X-GoTrack-HMAC': 'ab' },
      body: 'signed',
    });
    expect(sent.map(({ signature }) => signature)).toEqual([null, null, 'ab']);
  });

  it('takes the new key when it is loaded again, and wraps once', async () => {
    const { sent, load, post } = newPage();
    const next = Buffer.alloc(32, 8);
    load();
    load(next);
    await post(URL_OF_CLIENT, { method: 'POST', headers: MARKED, body: 'x' });
    expect(sent).toMatchObject([{ signature: signatureOf('x', next) }]);
  });

  it('gives a client that signs by itself the function to do so', async () => {
    const { page, load } = newPage();
    load();
    const ours = page['GoTrackHMAC'] as { sign(body: string): Promise<string> };
    expect(await ours.sign('x')).toBe(signatureOf('x'));
  });

  it('does nothing where the browser cannot sign', async () => {
    const { sent, load, post } = newPage({ secure: false });
    load();
    await post(URL_OF_CLIENT, { method: 'POST', headers: MARKED, body: 'x' });
    expect(sent).toMatchObject([{ signature: 'tracking' }]);
  });
});
