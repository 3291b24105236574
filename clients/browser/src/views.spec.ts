import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakePage } from './fake-page.js';
import type { Options } from './settings.js';

let page: FakePage;
beforeEach(() => {
  page = new FakePage('https://site.example/a?x=1#top');
});
afterEach(() => page.close());

const soon = (ms = 400): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

async function start(options: Options = {}) {
  const { init, gotrack } = await import('./index.js');
  init({ endpoint: 'https://t.example/collect', ...options });
  return gotrack;
}

/** Of each view: the page, where the visitor came from, and the title. */
const views = () =>
  page.posted.flatMap(({ events }) =>
    events.map(({ route, url }) => {
      const { fullPath, title } = route as Record<string, string>;
      return [fullPath, (url as Record<string, string>)['referrer'], title];
    }),
  );

describe('views of an application in one page', () => {
  it('are counted when the path or the query changes, each with its title', async () => {
    await start();
    await soon();
    history.pushState({}, '', '/b');
    Object.assign(document, { title: 'B' });
    await soon();
    history.pushState({}, '', '/b?tab=2');
    await soon();
    page.move('/a');
    page.emit('popstate');
    await soon();
    expect(views()).toEqual([
      ['/a?x=1#top', 'https://search.example/', 'A page'],
      ['/b', 'https://site.example/a?x=1#top', 'B'],
      ['/b?tab=2', 'https://site.example/b', 'B'],
      ['/a', 'https://site.example/b?tab=2', 'B'],
    ]);
  });

  it('are all counted, however fast they follow each other', async () => {
    await start();
    for (const path of ['/b', '/c', '/d']) {
      history.pushState({}, '', path);
    }
    await soon();
    expect(views().map(([path]) => path)).toEqual(['/a?x=1#top', '/b', '/c', '/d']);
  });

  it('wait for the title as long, each of them', async () => {
    const gotrack = await start();
    await soon(40);
    gotrack('event', 'x');
    history.pushState({}, '', '/b');
    await soon(40);
    Object.assign(document, { title: 'B' });
    await soon();
    expect(views().map(([, , title]) => title)).toEqual(['A page', 'A page', 'B']);
  });

  it.each([
    ['the query is replaced', () => history.replaceState({}, '', '/a?x=2')],
    ['the state is replaced', () => history.replaceState({}, '')],
    ['the same page is pushed', () => history.pushState({}, '', '/a?x=1')],
    ['the fragment changes', () => (page.move('#more'), page.emit('popstate'))],
    ['the page is shown for the first time', () => page.emit('pageshow', { persisted: false })],
  ])('are not counted when %s', async (_, change) => {
    await start();
    await soon();
    change();
    await soon();
    expect(views()).toHaveLength(1);
  });

  it('are counted when a path is replaced', async () => {
    await start();
    await soon();
    history.replaceState({}, '', '/b');
    await soon();
    expect(views().map(([path]) => path)).toEqual(['/a?x=1#top', '/b']);
  });

  it('are not counted for a page that redirects at once', async () => {
    await start();
    history.replaceState({}, '', '/welcome');
    await soon();
    expect(views()).toEqual([['/welcome', 'https://search.example/', 'A page']]);
  });

  it('go by the fragment where the site says so', async () => {
    await start({ hash: 'true' });
    await soon();
    page.move('#/cart');
    page.emit('popstate');
    await soon();
    expect(views().map(([path]) => path)).toEqual(['/a?x=1#top', '/a?x=1#/cart']);
  });

  it('are counted again when the page comes back from the back-forward cache', async () => {
    await start();
    await soon();
    page.emit('pageshow', { persisted: true });
    await soon();
    expect(views().map(([path]) => path)).toEqual(['/a?x=1#top', '/a?x=1#top']);
  });

  it('are left to the page that wants it', async () => {
    const gotrack = await start({ auto: 'false' });
    history.pushState({}, '', '/b');
    await soon();
    expect(views()).toEqual([]);
    gotrack('page', { section: 'x' });
    await soon();
    expect(page.posted[0]!.events).toMatchObject([{ type: 'pageview', props: { section: 'x' } }]);
  });

  it('leave what the history does, and throws, to the page', async () => {
    await start();
    const state = {};
    expect(history.pushState(state, '', '/b')).toBeUndefined();
    expect(location.pathname).toBe('/b');
    expect(() => history.pushState(state, '', 'https://:')).toThrow(TypeError);
  });
});
