import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../support/servers/collector.js';
import type { Program } from '../support/servers/debian-program.js';
import type { PostgresServer } from '../support/servers/postgres-server.js';
import { sharedPostgres } from '../support/servers/shared-servers.js';
import { ChromiumTabs, kept, track, tracked } from './support/chromium-tabs.js';
import { inline, pageWithClient, QUEUE } from './support/page.js';
import { chromiumProgram } from './support/programs.js';
import { launchChromium } from './support/puppeteer-browser.js';
import { Site } from './support/site.js';
import { StoringCollector } from './support/storing-collector.js';

const server = await sharedPostgres();
afterAll(() => server?.stop());
const program = chromiumProgram();

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

describe.skipIf(!server || !program)('Chromium', () => {
  let collector: StoringCollector;
  let tabs: ChromiumTabs;

  beforeAll(async () => {
    collector = await StoringCollector.start(server as PostgresServer);
    tabs = new ChromiumTabs(await launchChromium(program as Program));
  });
  afterAll(async () => {
    await tabs?.close();
    await collector?.remove();
  });

  async function newSite(): Promise<Site> {
    const site = await Site.start();
    onTestFinished(() => site.stop());
    return site;
  }

  async function newProfile(): Promise<string> {
    const profile = await mkdtemp(join(tmpdir(), 'gotrack-chromium-'));
    onTestFinished(() => rm(profile, { recursive: true, force: true, maxRetries: 3 }));
    return profile;
  }

  it('stores the view of a page that comes back from the back-forward cache', async () => {
    const site = await newSite();
    site.serve('/list', pageWithClient(collector.url, { body: `<a href="item">item</a>` }));
    site.serve('/item', pageWithClient(collector.url));

    const page = await tabs.open(site.url('/list'));
    await collector.waitFor(site, 1);
    await page.evaluate('window.isTheSame = true');
    await Promise.all([page.waitForNavigation(), page.click('a')]);
    await collector.waitFor(site, 2);
    await page.goBack();
    const events = await collector.expectStored(site, [
      'pageview /item',
      'pageview /list',
      'pageview /list',
    ]);

    expect(await page.evaluate('window.isTheSame')).toBe(true);
    expect(events[1]?.url?.['referrer']).toBe(site.url('/list'));
    await page.close();
  });

  it('stores the view of a prerendered page when it is shown, and none of one that never is', async () => {
    const site = await newSite();
    const rules = JSON.stringify({
      prerender: [{ source: 'list', urls: ['next', 'never'], eagerness: 'immediate' }],
    });
    site.serve(
      '/first',
      pageWithClient(collector.url, {
        head: inline(rules).replace('<script', '<script type="speculationrules"'),
        body: '<a href="next">next</a>',
      }),
    );
    const loaded = inline(`document.querySelector('script[src]').addEventListener('load', () => {
      new Image().src = 'loaded?' + document.prerendering + location.pathname;
    })`);
    for (const path of ['/next', '/never']) {
      const page = pageWithClient(collector.url, { body: loaded });
      const policy = page.headers?.['Content-Security-Policy'] ?? '';
      site.serve(path, {
        ...page,
        headers: { 'Content-Security-Policy': policy.replace('img-src', `img-src 'self'`) },
      });
    }

    const page = await tabs.open(site.url('/first'));
    // The client has run in both of them before one is shown.
    await until(() => site.requests.filter((url) => url.startsWith('/loaded?true')).length === 2);
    expect(await collector.waitFor(site, 1)).toHaveLength(1);
    const clickedAt = Date.now();
    await page.click('a');
    const events = await collector.expectStored(site, ['pageview /first', 'pageview /next']);

    expect(Date.parse(events[1]?.ts ?? '')).toBeGreaterThanOrEqual(clickedAt);
    await page.close();
  });

  it('stores what was called before the client had loaded', async () => {
    const site = await newSite();
    site.serve(
      '/early',
      pageWithClient(collector.url, {
        head: `${QUEUE}${inline(`gotrack('identify', 'u-17', { plan: 'pro' });
          gotrack('event', 'early', { n: 1 });
          gotrack('event', 'early', { n: 2 });`)}`,
      }),
    );

    const page = await tabs.open(site.url('/early'));
    const events = await collector.expectStored(site, [
      'early /early 1',
      'early /early 2',
      'identify /early',
      'pageview /early',
    ]);

    expect(events.find(({ type }) => type === 'early')).toMatchObject({ user: { id: 'u-17' } });
    await page.close();
  });

  it('stores each of 1,000 events of one page', async () => {
    const site = await newSite();
    site.serve('/busy', pageWithClient(collector.url, { head: QUEUE }));

    const page = await tabs.open(site.url('/busy'));
    await collector.waitFor(site, 1);
    await track(page, 'busy', 1000);
    await collector.expectStored(site, ['pageview /busy', ...tracked('busy', '/busy', 1000)]);
    await page.close();
  });

  it('stores each of 1,000 events of a page that is closed at once, with its next visit', async () => {
    const site = await newSite();
    site.serve('/brief', pageWithClient(collector.url, { head: QUEUE }));

    const page = await tabs.open(site.url('/brief'));
    await collector.waitFor(site, 1);
    await track(page, 'brief', 1000);
    await page.close();
    const next = await tabs.open(site.url('/brief'));
    await collector.expectStored(
      site,
      ['pageview /brief', 'pageview /brief', ...tracked('brief', '/brief', 1000)],
      // A page that has ended does not learn what was answered.
      { mayRepeat: true },
    );
    await next.close();
  });

  it('stores nothing without consent, and what happens after it was given', async () => {
    const site = await newSite();
    const page = pageWithClient(collector.url, { head: QUEUE, client: 'data-consent="required"' });
    site.serve('/asks', page);
    site.serve('/asks-again', page);

    const refusing = await tabs.open(site.url('/asks'));
    await refusing.evaluate(`gotrack('consent', 'denied')`);
    await track(refusing, 'denied', 3);
    expect(await kept(refusing)).not.toMatch(/gt_q|denied.*n|visit/);
    await refusing.goto(site.url('/asks-again'));
    await refusing.evaluate(`gotrack('consent', 'granted')`);
    await track(refusing, 'granted', 1);

    await collector.expectStored(site, ['granted /asks-again 1', 'pageview /asks-again']);
    await refusing.close();
  });

  it('leaves a page alone whose policy blocks the client', async () => {
    const site = await newSite();
    site.serve(
      '/blocked',
      pageWithClient(collector.url, {
        head: `${QUEUE}${inline(`gotrack('event', 'before')`)}`,
        body: inline(
          `document.title = 'works'; addEventListener('load', () => gotrack('event', 'after'))`,
        ),
        headers: { 'Content-Security-Policy': `script-src 'unsafe-inline'` },
      }),
    );

    const page = await tabs.open(site.url('/blocked'));
    expect(await page.title()).toBe('works');
    await page.close();
    await collector.expectStored(site, []);
  });

  it('leaves a page alone whose policy lets the client load and send nothing', async () => {
    const site = await newSite();
    site.serve(
      '/mute',
      pageWithClient(collector.url, {
        head: QUEUE,
        body: inline(`document.title = 'works'`),
        headers: {
          'Content-Security-Policy': `default-src 'none'; script-src 'unsafe-inline' ${collector.url}`,
        },
      }),
    );

    const page = await tabs.open(site.url('/mute'));
    await track(page, 'mute', 2);
    expect(await page.title()).toBe('works');
    // It is kept, for a page whose policy is right.
    await until(async () => (await kept(page)).includes('mute'));
    site.serve('/right', pageWithClient(collector.url));
    await page.goto(site.url('/right'));
    await collector.expectStored(site, [
      'mute /mute 1',
      'mute /mute 2',
      'pageview /mute',
      'pageview /right',
    ]);
    await page.close();
  });

  it('stores the view of a browser without scripts by the pixel, and not beside a script', async () => {
    const site = await newSite();
    const address = encodeURIComponent(site.url('/plain?utm_source=news'));
    site.serve(
      '/plain',
      pageWithClient(collector.url, {
        body: `<noscript><img src="${collector.url}/px.gif?url=${address}&title=Plain" alt=""></noscript>`,
      }),
    );

    const silent = await tabs.blank();
    await silent.setJavaScriptEnabled(false);
    await silent.goto(site.url('/plain?utm_source=news'));
    const [event] = await collector.expectStored(site, ['pageview /plain']);
    expect(event).toMatchObject({ route: { title: 'Plain' }, url: { utm: { source: 'news' } } });
    await silent.close();

    const page = await tabs.open(site.url('/plain?utm_source=news'));
    await collector.expectStored(site, ['pageview /plain', 'pageview /plain']);
    await page.close();
  });

  it.each([
    ['behind', -DAY_MS],
    ['ahead', DAY_MS],
  ])('stores the right times of a device whose clock is a day %s', async (_name, offsetMs) => {
    const site = await newSite();
    site.serve('/clock', pageWithClient(collector.url, { head: QUEUE }));

    const page = await tabs.blank();
    await page.evaluateOnNewDocument(`{
      const Right = Date;
      Date = class extends Right {
        constructor(...given) { given.length ? super(...given) : super(Right.now() + ${offsetMs}); }
        static now() { return Right.now() + ${offsetMs}; }
      };
    }`);
    await page.goto(site.url('/clock'));
    await track(page, 'tick', 1);
    const events = await collector.expectStored(site, ['pageview /clock', 'tick /clock 1']);

    for (const { ts, received_at } of events) {
      expect(Math.abs(Date.parse(received_at) - Date.parse(ts))).toBeLessThan(HOUR_MS);
    }
    await page.close();
  });

  it('stores the events of a frame that may store nothing', async () => {
    const site = await newSite();
    site.serve('/frame', pageWithClient(collector.url, { head: QUEUE }));
    site.serve('/outer', {
      html: `<iframe sandbox="allow-scripts" src="frame"></iframe>`,
    });

    const page = await tabs.open(site.url('/outer'));
    const frame = await page.waitForFrame((inner) => inner.url().endsWith('/frame'));
    await collector.waitFor(site, 1);
    await frame.evaluate(`gotrack('event', 'inside', { n: 1 })`);
    await expect(frame.evaluate('localStorage')).rejects.toThrow('SecurityError');
    await collector.expectStored(site, ['inside /frame 1', 'pageview /frame']);
    await page.close();
  });

  it('stores the events of a browser that blocks what sites store', async () => {
    const site = await newSite();
    site.serve('/private', pageWithClient(collector.url, { head: QUEUE }));
    const profile = await newProfile();
    await mkdir(join(profile, 'Default'));
    await writeFile(
      join(profile, 'Default/Preferences'),
      JSON.stringify({ profile: { default_content_setting_values: { cookies: 2 } } }),
    );
    const blocking = new ChromiumTabs(await launchChromium(program as Program, profile));
    onTestFinished(() => blocking.close());

    const page = await blocking.open(site.url('/private'));
    await expect(page.evaluate('localStorage.length')).rejects.toThrow('SecurityError');
    await track(page, 'private', 2);
    await collector.expectStored(site, [
      'pageview /private',
      'private /private 1',
      'private /private 2',
    ]);
    await page.close();
  });

  it('stores the events of a page whose storage is full', async () => {
    const site = await newSite();
    const full = inline(`for (let size = 1 << 20, n = 0; size >= 1;) {
      try { localStorage.setItem('full' + n++, 'x'.repeat(size)); } catch { size >>= 1; }
    }`);
    site.serve('/full', pageWithClient(collector.url, { head: `${full}${QUEUE}` }));

    const page = await tabs.open(site.url('/full'));
    await track(page, 'full', 50);
    await collector.expectStored(site, ['pageview /full', ...tracked('full', '/full', 50)]);
    expect(await page.evaluate(`'full0' in localStorage`)).toBe(true);
    await page.close();
  });

  it('has stored nothing else in the meantime, and nothing twice', async () => {
    await collector.expectNothingElse();
    expect(tabs.errors).toEqual([]);
  });
});
