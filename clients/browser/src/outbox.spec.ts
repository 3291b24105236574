import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakePage } from './fake-page.js';
import type { Options } from './settings.js';

const OK = new Response('{}', { status: 202 });
const DOWN = new TypeError('Failed to fetch');

let page: FakePage;
beforeEach(() => {
  page = new FakePage();
});
afterEach(() => page.close());

const soon = (ms = 400): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

async function start(options: Options = {}) {
  const { init, gotrack } = await import('./index.js');
  init({ endpoint: 'https://t.example/collect', auto: false, ...options });
  return gotrack;
}

/** The next page of the same site, with what this one has stored. */
async function nextPage() {
  const { storage } = page;
  page.close();
  page = new FakePage('https://site.example/next', storage);
  return start();
}

const ids = (): string[] =>
  page.posted.flatMap(({ events }) => events.map(({ event_id }) => event_id));
const queued = (): string[] => Object.keys(page.storage).filter((name) => name.startsWith('gt_q'));

describe('what could not be sent', () => {
  it.each([
    ['the network fails', DOWN],
    ['a fetch of the page fails with nothing', undefined],
    ['the collector fails', new Response('', { status: 503 })],
    ['the collector asks for less', new Response('', { status: 429 })],
  ])('is sent again as it was, by the clock of then, when %s', async (_, answer) => {
    page.answers = [answer, answer, OK];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon();
    expect(queued()).toHaveLength(1);
    await soon(10_000);
    expect(page.posted).toHaveLength(3);
    expect(new Set(page.posted.map(({ events }) => JSON.stringify(events))).size).toBe(1);
    expect(new Set(page.posted.map(({ url }) => url.searchParams.get('gt_sent_at'))).size).toBe(3);
    expect(queued()).toEqual([]);
  });

  it('waits as long as the collector asks', async () => {
    page.answers = [new Response('', { status: 503, headers: { 'retry-after': '120' } }), OK];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon(119_000);
    expect(page.posted).toHaveLength(1);
    await soon(5000);
    expect(page.posted).toHaveLength(2);
  });

  it.each([400, 403, 404, 413])('is not sent again after %i', async (status) => {
    page.answers = [new Response('', { status })];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon(120_000);
    expect([page.posted.length, queued()]).toEqual([1, []]);
  });

  it('is sent by the next page', async () => {
    page.answers = [DOWN];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon();
    const [id] = ids();
    await nextPage();
    // The wait after a failure is partly random, and may not be over at the first look.
    await soon(10_000);
    expect(ids()).toEqual([id]);
    expect(queued()).toEqual([]);
  });

  it('holds back what comes after it, so that a collector that is away is asked rarely', async () => {
    page.answers = [DOWN];
    const gotrack = await start();
    for (let count = 0; count < 60; count += 1) {
      gotrack('event', `x${count}`);
      await soon(1000);
    }
    expect(page.posted.length).toBeLessThan(12);
    page.answers = [OK];
    page.posted.length = 0;
    await soon(70_000);
    expect(new Set(page.types()).size).toBe(60);
    expect(page.types()).toHaveLength(60);
  });

  it('stays in memory where there is no storage', async () => {
    page.isBlocked = true;
    page.answers = [DOWN, OK];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon(5000);
    expect(page.types()).toEqual(['x', 'x']);
  });

  it('is sent at once when the network is back', async () => {
    page.answers = [new Response('', { status: 503 }), OK];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon();
    vi.setSystemTime(Date.now() + 1000);
    page.emit('online');
    await soon(10);
    expect(page.posted).toHaveLength(2);
  });
});

describe('the end of the page', () => {
  it('sends at once, and stores what has no answer yet', async () => {
    let answer: ((answer: Response) => void) | undefined;
    page.answers = [new Promise<Response>((resolve) => (answer = resolve))];
    const gotrack = await start();
    gotrack('event', 'x');
    page.hide();
    expect(page.types()).toEqual(['x']);
    expect(page.posted[0]!.init.keepalive).toBe(true);
    expect(queued()).toHaveLength(1);
    answer!(OK);
    await soon(0);
    expect(queued()).toEqual([]);
    page.emit('pagehide');
    expect(page.posted).toHaveLength(1);
  });

  it('is done by the next listener from where the browser cut one off', async () => {
    const gotrack = await start();
    gotrack('event', 'x');
    gotrack('event', 'y', { text: 'x'.repeat(30_000) });
    const { now } = Date;
    vi.spyOn(Date, 'now').mockImplementation(() => {
      if (page.posted.length === 1) {
        throw new Error('cut off');
      }
      return now();
    });
    page.emit('pagehide');
    expect(page.types()).toEqual(['x']);
    vi.mocked(Date.now).mockRestore();
    page.hide();
    await soon(0);
    expect(page.types()).toEqual(['x', 'y']);
    expect(queued()).toEqual([]);
  });

  it('stores what was on its way already', async () => {
    page.answers = [new Promise<Response>(() => {})];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon();
    expect([page.posted.length, queued().length]).toEqual([1, 0]);
    page.emit('pagehide');
    expect([page.posted.length, queued().length]).toEqual([1, 1]);
  });

  it('leaves to the next page what may not have arrived, once it cannot be on its way any more', async () => {
    page.answers = [new Promise<Response>(() => {})];
    const gotrack = await start();
    gotrack('event', 'x');
    page.emit('pagehide');
    const [id] = ids();
    await nextPage();
    await soon(9000);
    expect(ids()).toEqual([]);
    await soon(10_000);
    expect(ids()).toEqual([id]);
  });

  it('has at most 60,000 bytes on their way; the rest is stored, and sent by the next page', async () => {
    page.answers = [new Promise<Response>(() => {})];
    const gotrack = await start();
    for (let count = 0; count < 100; count += 1) {
      gotrack('event', `x${count}`, { text: 'x'.repeat(1000) });
    }
    page.hide();
    const bytes = page.posted.map(({ init }) => (init.body as string).length);
    expect(bytes.length).toBe(2);
    expect(bytes[0]! + bytes[1]!).toBeLessThanOrEqual(60_000);
    await nextPage();
    await soon(60_000);
    expect(new Set(page.types()).size).toBe(100);
    expect(queued()).toEqual([]);
  });

  it('is taken for near while the page is hidden', async () => {
    const gotrack = await start();
    page.hide();
    gotrack('event', 'x');
    gotrack('event', 'y');
    await soon(0);
    expect(page.posted.map(({ events }) => events.length)).toEqual([2]);
  });

  it('sends a beacon where fetch does not outlast the page, and keeps what it held', async () => {
    vi.stubGlobal('Request', class {});
    const gotrack = await start();
    gotrack('event', 'x');
    page.hide();
    await soon(0);
    expect([page.posted.length, page.beacons.length, queued().length]).toEqual([0, 1, 1]);
  });
});

describe('two pages', () => {
  it('do not both send what is stored', async () => {
    page.answers = [DOWN];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon();
    const request = vi.fn<(...given: [string, object, (lock: null) => unknown]) => unknown>(
      (...given) => given[2](null),
    );
    Object.assign(navigator, { locks: { request } });
    page.answers = [OK];
    await soon(10_000);
    expect(request).toHaveBeenCalledWith('gotrack', { ifAvailable: true }, expect.any(Function));
    expect(page.posted).toHaveLength(1);
  });

  it('do not store again what the other one has sent', async () => {
    let fail: ((error: Error) => void) | undefined;
    page.answers = [new Promise<Response>((_, reject) => (fail = reject))];
    const gotrack = await start();
    gotrack('event', 'x');
    page.hide();
    delete page.storage[queued()[0]!];
    fail!(DOWN);
    await soon(0);
    expect(queued()).toEqual([]);
  });
});

describe('images', () => {
  it('bring events where the policy of the page lets nothing else through', async () => {
    page.answers = [DOWN];
    page.loadsImages = true;
    const gotrack = await start({ key: 'k' });
    gotrack('event', 'x', { plan: 'a', list: [1] });
    await soon();
    expect(queued()).toEqual([]);
    const [image] = page.images.map((url) => new URL(url));
    expect(image!.origin + image!.pathname).toBe('https://t.example/px.gif');
    expect(Object.fromEntries(image!.searchParams)).toMatchObject({
      e: 'x',
      event_id: ids()[0],
      url: 'https://site.example/a?x=1',
      ref: 'https://search.example/',
      title: 'A page',
      sid: page.storage['gt_sid'],
      plan: 'a',
      list: '[1]',
      gt_key: 'k',
    });
  });

  it('are not asked of a collector that does not answer in time', async () => {
    page.answers = [new DOMException('late', 'TimeoutError')];
    const gotrack = await start();
    gotrack('event', 'x');
    await soon();
    expect([page.images, queued().length]).toEqual([[], 1]);
  });

  it('stop at the first that fails', async () => {
    page.answers = [DOWN];
    const gotrack = await start();
    gotrack('event', 'x');
    gotrack('event', 'y');
    await soon();
    expect([page.images.length, queued().length]).toEqual([1, 1]);
  });
});
