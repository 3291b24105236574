import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakePage } from './fake-page.js';
import type { GoTrack } from './install.js';

let page: FakePage;
beforeEach(() => {
  page = new FakePage();
});
afterEach(() => page.close());

const soon = (ms = 400): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

/** As a script tag runs a file: another time, its modules are other ones. */
async function loadScript(dataset: Record<string, string> = {}, file = './pixel.js') {
  vi.resetModules();
  const script = { src: 'https://t.example/gt/pixel.js', dataset, nonce: 'n' };
  Object.assign(document, { currentScript: script });
  await import(file);
}

/** What a page may write before the script tag. */
function standIn(): GoTrack {
  const gotrack = function (...given: unknown[]) {
    (window.gotrack!.q ??= []).push(given);
  } as GoTrack;
  vi.stubGlobal('gotrack', gotrack);
  return gotrack;
}

describe('the script tag', () => {
  it('sends to the collector that it came from', async () => {
    await loadScript({ key: 'k' });
    await soon();
    expect(page.posted.map(({ url }) => url.href.split('&gt_sent')[0])).toEqual([
      expect.stringMatching(/^https:\/\/t\.example\/gt\/collect\?.*gt_key=k$/) as string,
    ]);
  });

  it('sends to where its attribute says', async () => {
    await loadScript({ endpoint: '/e' });
    await soon();
    expect(page.posted[0]!.url.href).toMatch(/^https:\/\/site\.example\/e\?/);
  });

  it.each(['./pixel.js', './lite.js'])(
    'does what was said before %s has loaded, and after it',
    async (file) => {
      const early = standIn();
      early('event', 'early', { a: 1 });
      await loadScript({}, file);
      early('event', 'held on to');
      window.gotrack!('event', 'late');
      await soon();
      expect(page.types()).toEqual(['pageview', 'early', 'held on to', 'late']);
    },
  );

  it('is one client, however often and as which file it loads', async () => {
    for (const file of ['./pixel.js', './lite.js', './pixel.js', './esm.js']) {
      await loadScript({}, file);
    }
    const { init } = await import('./index.js');
    init();
    history.pushState({}, '', '/b');
    await soon();
    expect(page.types()).toEqual(['pageview', 'pageview']);
  });

  it('counts a prerendered page when it is shown', async () => {
    Object.assign(document, { prerendering: true });
    standIn()('event', 'early');
    await loadScript();
    await soon(60_000);
    expect([page.posted, page.storage]).toEqual([[], {}]);
    page.emit('prerenderingchange');
    await soon();
    expect(page.types()).toEqual(['pageview', 'early']);
  });

  it('throws nothing into a page that lacks what it needs', async () => {
    vi.stubGlobal('crypto', undefined);
    vi.stubGlobal('history', undefined);
    await loadScript();
    window.gotrack!('event', 'x');
    await soon();
    expect(window.gotrack).toBeTypeOf('function');
  });
});

describe("pages of the Go service's client", () => {
  it('start by init, which names the endpoint', async () => {
    await loadScript();
    window.GoTrackPixel!.init({ endpoint: 'https://other.example/c' });
    await soon();
    expect(page.posted.map(({ url }) => url.origin + url.pathname)).toEqual([
      'https://other.example/c',
    ]);
  });

  it('start by init only, when they say so', async () => {
    vi.stubGlobal('GO_TRACK_NO_AUTO_INIT', true);
    await loadScript();
    window.gotrack!('event', 'waits');
    await soon();
    expect(page.posted).toEqual([]);
    window.GoTrackPixel!.init();
    await soon();
    expect(page.types()).toEqual(['pageview', 'waits']);
  });

  it('name the endpoint in a variable, also after the client has loaded', async () => {
    await loadScript();
    vi.stubGlobal('GO_TRACK_URL', 'https://other.example/c');
    await soon();
    expect(page.posted[0]!.url.origin).toBe('https://other.example');
  });

  it('import a module that starts by itself', async () => {
    const { init } = await import('./esm.js');
    init({ endpoint: 'https://t.example/collect' });
    await soon();
    expect(page.types()).toEqual(['pageview']);
  });
});

describe('the package', () => {
  it('does nothing on a server', async () => {
    page.close();
    const { init, gotrack } = await import('./index.js');
    init();
    gotrack('event', 'x');
    expect(globalThis).not.toHaveProperty('gotrack');
    page = new FakePage();
  });

  it('sends to the own origin unless it is told otherwise', async () => {
    const { init } = await import('./index.js');
    init();
    await soon();
    expect(page.posted[0]!.url.href).toMatch(/^https:\/\/site\.example\/collect\?/);
  });
});
