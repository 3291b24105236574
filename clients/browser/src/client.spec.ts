import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakePage } from './fake-page.js';
import type { Options } from './settings.js';

const ENDPOINT = 'https://t.example/collect';

let page: FakePage;
beforeEach(() => {
  page = new FakePage();
});
afterEach(() => page.close());

async function start(options: Options = {}) {
  const { init, gotrack } = await import('./index.js');
  init({ endpoint: ENDPOINT, ...options });
  return gotrack;
}

const soon = (ms = 400): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe('an event', () => {
  it('says page, session and device, and is sent without a preflight', async () => {
    await start({ key: 'k' });
    await soon();
    expect(page.posted).toHaveLength(1);
    const [{ url, events, init }] = page.posted as [(typeof page.posted)[0]];
    expect(url.origin + url.pathname).toBe(ENDPOINT);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      gt_key: 'k',
      gt_sent_at: String(Date.now() - 150),
    });
    expect(init).toMatchObject({ method: 'POST', keepalive: true, credentials: 'omit' });
    expect(init.headers).toBeUndefined();
    expect(events).toMatchObject([
      {
        type: 'pageview',
        url: {
          referrer: 'https://search.example/',
          referrer_hostname: 'search.example',
          raw_query: 'x=1',
        },
        route: {
          domain: 'site.example',
          path: '/a',
          fullPath: '/a?x=1',
          title: 'A page',
          protocol: 'https',
          query: { x: '1' },
        },
        session: { session_id: page.storage['gt_sid'], session_seq: 1 },
        device: { language: 'en', storage_available: true },
      },
    ]);
  });

  it('shares a request with those that come soon after it', async () => {
    const gotrack = await start();
    gotrack('event', 'signup', { plan: 'x' });
    gotrack('event', 'other');
    await soon();
    expect(page.posted).toHaveLength(1);
    expect(page.types()).toEqual(['pageview', 'signup', 'other']);
    expect(page.posted[0]!.events[1]!['props']).toEqual({ plan: 'x' });
  });

  it('says who it is from identify on', async () => {
    const gotrack = await start();
    gotrack('event', 'before');
    gotrack('identify', 'u1', { plan: 'x' });
    gotrack('event', 'after');
    gotrack('identify', null);
    gotrack('event', 'logged out');
    await soon();
    expect(page.posted[0]!.events.map(({ type, user }) => [type, user])).toEqual([
      ['pageview', undefined],
      ['before', undefined],
      ['identify', { id: 'u1', traits: { plan: 'x' } }],
      ['after', { id: 'u1' }],
      ['logged out', undefined],
    ]);
    expect(JSON.stringify(page.storage)).not.toContain('u1');
  });

  it('is valid whatever the page gives', async () => {
    const gotrack = (await start({ auto: false })) as (...given: unknown[]) => void;
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const given of [
      ['event', 'a', 'text'],
      ['event'],
      ['event', 'b', circular],
      ['nope'],
      [],
    ]) {
      expect(() => gotrack(...given)).not.toThrow();
    }
    await soon();
    expect(page.posted[0]!.events.map(({ type, props }) => [type, props])).toEqual([
      ['a', { value: 'text' }],
      ['undefined', undefined],
    ]);
  });
});

describe('a visitor who asks for privacy', () => {
  it.each([{ doNotTrack: '1' }, { globalPrivacyControl: true }])(
    'is not told apart: %j',
    async (signal) => {
      Object.assign(navigator, signal);
      const gotrack = await start();
      gotrack('identify', 'u1');
      gotrack('event', 'e');
      page.answers = [new TypeError('down')];
      await soon();
      expect(page.types()).toEqual(['pageview', 'e']);
      expect(page.posted[0]!.events.flatMap(({ session, user }) => [session, user])).toEqual(
        Array.from({ length: 4 }),
      );
      expect(page.storage).toEqual({});
    },
  );
});

describe('consent', () => {
  it('that is denied before the client loads leaves nothing stored or sent', async () => {
    const { gotrack } = await import('./index.js');
    gotrack('consent', 'denied');
    gotrack('event', 'no');
    await start();
    await soon(10_000);
    page.hide();
    await soon();
    expect([page.posted, page.storage]).toEqual([[], {}]);
  });

  it('counts the page once when it is granted', async () => {
    const gotrack = await start({ consent: 'required' });
    gotrack('event', 'no');
    await soon();
    expect([page.posted, page.storage]).toEqual([[], {}]);
    gotrack('consent', 'granted');
    gotrack('event', 'yes');
    await soon();
    gotrack('consent', 'denied');
    gotrack('event', 'no');
    gotrack('consent', 'granted');
    await soon();
    expect(page.types()).toEqual(['pageview', 'yes']);
  });

  it('that is denied removes what is stored, and what waits', async () => {
    page.storage['theme'] = 'dark';
    page.answers = [new TypeError('down')];
    const gotrack = await start();
    await soon();
    gotrack('event', 'waits');
    expect(Object.keys(page.storage)).toHaveLength(4);
    gotrack('consent', 'denied');
    await soon(120_000);
    expect(page.storage).toEqual({ theme: 'dark' });
    expect(page.types()).toEqual(['pageview']);
  });

  it.each<[string, object, Options]>([
    ['whose visitor asks for privacy', { globalPrivacyControl: true }, {}],
    ['that stores nothing', {}, { storage: 'none' }],
  ])(
    'that is denied on a page %s removes what earlier pages have stored',
    async (_, say, options) => {
      Object.assign(navigator, say);
      Object.assign(page.storage, {
        gt_sid: 's',
        gt_visit: '[]',
        'gt_q1.x': '0,{}',
        gt_sidebar: '1',
      });
      const gotrack = await start(options);
      gotrack('consent', 'denied');
      await soon(10_000);
      expect(page.storage).toEqual({ gt_sidebar: '1' });
      expect(page.posted).toEqual([]);
    },
  );

  it('that is still asked for keeps what earlier pages have left, unsent', async () => {
    page.storage['gt_q1.x'] = '';
    const { newBatch } = await import('./batches.js');
    page.storage[newBatch('').name] = '0,{"type":"earlier"}';
    const gotrack = await start({ consent: 'required' });
    await soon(10_000);
    expect(page.posted).toEqual([]);
    gotrack('consent', 'granted');
    await soon(5000);
    expect(page.types().toSorted()).toEqual(['earlier', 'pageview']);
  });
});

describe('storage: none', () => {
  it('stores nothing, and sends again all the same', async () => {
    page.answers = [new TypeError('down'), new Response('{}', { status: 202 })];
    await start({ storage: 'none' });
    await soon(5000);
    expect(page.types()).toEqual(['pageview', 'pageview']);
    expect(page.posted[0]!.events).toEqual(page.posted[1]!.events);
    expect(page.storage).toEqual({});
  });
});
