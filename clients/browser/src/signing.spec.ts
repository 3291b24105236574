import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakePage, type Posted } from './fake-page.js';
import type { Options } from './settings.js';

const OK = new Response('{}', { status: 202 });
const REFUSED = new Response('{}', { status: 401 });

let page: FakePage;
let key: string;
beforeEach(() => {
  page = new FakePage();
  key = 'first';
});
afterEach(() => page.close());

const soon = (ms = 400): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const hmac = (body: string): string => createHmac('sha256', key).update(body).digest('hex');

/** What the collector's script does; a key that is loaded later takes the place of the one before. */
function hmacScript(): void {
  const loaded = key;
  vi.stubGlobal('GoTrackHMAC', {
    sign: async (body: string) => createHmac('sha256', loaded).update(body).digest('hex'),
  });
}

async function start(options: Options = {}) {
  const { init, gotrack } = await import('./index.js');
  init({ endpoint: 'https://t.example/gt/collect', auto: false, ...options });
  return gotrack;
}

const isSigned = ({ url, init }: Posted): boolean =>
  url.searchParams.get('gt_hmac') === hmac(init.body as string);

describe('a signed client', () => {
  it('loads the script beside the endpoint, and signs in the query', async () => {
    page.onScript = hmacScript;
    const gotrack = await start({ hmac: true });
    gotrack('event', 'x');
    await soon();
    expect(page.scripts).toEqual(['https://t.example/gt/hmac.js']);
    expect(page.posted.map(isSigned)).toEqual([true]);
    expect(page.posted[0]!.init.headers).toBeUndefined();
  });

  it('takes the script of the page, whenever that loads', async () => {
    const gotrack = await start();
    gotrack('event', 'x');
    hmacScript();
    await soon();
    expect(page.scripts).toEqual([]);
    expect(page.posted.map(isSigned)).toEqual([true]);
  });

  it('is signed when the page ends', async () => {
    hmacScript();
    const gotrack = await start();
    gotrack('event', 'x');
    gotrack('event', 'y');
    await soon(0);
    gotrack('event', 'z');
    await soon(0);
    page.hide();
    expect(page.posted.map(isSigned)).toEqual([true]);
    expect(page.types()).toEqual(['x', 'y', 'z']);
  });

  it('stores what has no signature yet when the page ends', async () => {
    hmacScript();
    const gotrack = await start();
    gotrack('event', 'x');
    page.hide();
    expect(page.posted).toEqual([]);
    expect(Object.keys(page.storage).filter((name) => name.startsWith('gt_q'))).toHaveLength(1);
    await soon(0);
    expect(page.posted.map(isSigned)).toEqual([true]);
  });

  it('loads the script again after 401, and sends once more, signed with the new key', async () => {
    page.onScript = hmacScript;
    hmacScript();
    page.answers = [REFUSED, OK];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon(0);
    key = 'second';
    await soon();
    expect(page.scripts).toHaveLength(1);
    expect(page.posted.map(isSigned)).toEqual([false, true]);
    expect(page.posted[0]!.events).toEqual(page.posted[1]!.events);
  });

  it('gives up after the second 401', async () => {
    page.onScript = hmacScript;
    hmacScript();
    page.answers = [REFUSED];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon(120_000);
    expect(page.posted).toHaveLength(2);
  });

  it('signs a retry again', async () => {
    page.onScript = hmacScript;
    hmacScript();
    page.answers = [new Response('', { status: 503 }), OK];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon();
    key = 'second';
    hmacScript();
    await soon(5000);
    expect(page.posted.map(isSigned)).toEqual([false, true]);
  });

  it('keeps its events while the script cannot be loaded', async () => {
    page.onScript = hmacScript;
    hmacScript();
    page.answers = [REFUSED, OK];
    const gotrack = await start();
    page.onScript = undefined;
    gotrack('event', 'x');
    await soon();
    page.onScript = hmacScript;
    await soon(5000);
    expect(page.types()).toEqual(['x', 'x']);
  });
});

describe('a client that was not told of signatures', () => {
  it('signs once the collector has refused it', async () => {
    page.onScript = hmacScript;
    page.answers = [REFUSED, OK];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon();
    gotrack('event', 'y');
    await soon();
    expect(page.posted.map(isSigned)).toEqual([false, true, true]);
  });

  it('gives up when the collector has no script either', async () => {
    page.answers = [REFUSED];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon(120_000);
    expect([page.posted.length, page.scripts.length]).toEqual([1, 1]);
  });

  it('never signs beside a key', async () => {
    hmacScript();
    page.answers = [REFUSED];
    const gotrack = await start({ key: 'k' });
    gotrack('event', 'x');
    await soon(120_000);
    expect(page.posted.map(({ url }) => url.searchParams.has('gt_hmac'))).toEqual([false]);
    expect(page.scripts).toEqual([]);
  });
});
