import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../support/servers/collector.js';
import type { PostgresServer } from '../support/servers/postgres-server.js';
import { sharedPostgres } from '../support/servers/shared-servers.js';
import { pageWithClient, QUEUE } from './support/page.js';
import {
  chromiumProgram,
  displayProgram,
  firefoxProgram,
  webkitProgram,
} from './support/programs.js';
import { launchChromium, launchFirefox, PuppeteerBrowser } from './support/puppeteer-browser.js';
import { Site } from './support/site.js';
import { StoringCollector } from './support/storing-collector.js';
import type { TestBrowser } from './support/tab.js';
import { WebKitBrowser } from './support/webkit-browser.js';

const server = await sharedPostgres();
afterAll(() => server?.stop());
const chromium = chromiumProgram();
const firefox = firefoxProgram();
const webkit = webkitProgram();
const display = displayProgram();

const BROWSERS: [name: string, launch: (() => Promise<TestBrowser>) | undefined][] = [
  ['Chromium', chromium && (async () => new PuppeteerBrowser(await launchChromium(chromium)))],
  ['Firefox', firefox && (async () => new PuppeteerBrowser(await launchFirefox(firefox)))],
  ['WebKitGTK', webkit && display && (() => WebKitBrowser.launch(webkit, display))],
];

describe.skipIf(!server).each(BROWSERS)('%s', (_name, launch) => {
  describe.skipIf(!launch)('with a page of another origin than the collector', () => {
    let collector: StoringCollector;
    let browser: TestBrowser;

    beforeAll(async () => {
      collector = await StoringCollector.start(server as PostgresServer);
      browser = await (launch as () => Promise<TestBrowser>)();
    });
    afterAll(async () => {
      await browser?.close();
      await collector?.remove();
    });

    async function newSite(): Promise<Site> {
      const site = await Site.start();
      onTestFinished(() => site.stop());
      return site;
    }

    it('stores a page view with page, campaign, device and session', async () => {
      const site = await newSite();
      site.serve('/shop', pageWithClient(collector.url, { title: 'The shop' }));

      const tab = await browser.open(site.url('/shop?utm_source=news&utm_medium=mail'));
      const [event] = await collector.expectStored(site, ['pageview /shop']);
      await tab.close();

      expect(event).toMatchObject({
        route: { domain: 'localhost', title: 'The shop', protocol: 'http' },
        url: { utm: { source: 'news', medium: 'mail' } },
        device: { language: expect.any(String), viewport_w: expect.any(Number) },
        session: { visitor_id: expect.any(String), session_id: expect.any(String), session_seq: 1 },
      });
      expect(JSON.stringify(event)).not.toContain('undefined');
    });

    it('stores each view of a page that changes its address, in one session', async () => {
      const site = await newSite();
      site.serve('/one', pageWithClient(collector.url));

      const tab = await browser.open(site.url('/one'));
      await collector.waitFor(site, 1);
      for (const path of ['/two', '/three']) {
        await tab.run(`history.pushState({}, '', '${site.url(path)}')`);
      }
      await collector.waitFor(site, 3);
      await tab.run('history.back()');
      await collector.waitFor(site, 4);
      await tab.run(`history.replaceState({}, '', '${site.url('/four')}')`);
      const events = await collector.expectStored(site, [
        'pageview /four',
        'pageview /one',
        'pageview /three',
        'pageview /two',
        'pageview /two',
      ]);
      await tab.close();

      expect(new Set(events.map(({ session }) => session?.['session_id'])).size).toBe(1);
    });

    it('stores what happens just before its tab is closed', async () => {
      const site = await newSite();
      site.serve('/form', pageWithClient(collector.url, { head: QUEUE }));

      const tab = await browser.open(site.url('/form'));
      await collector.waitFor(site, 1);
      await tab.run(`gotrack('event', 'leave', { n: 1 }); gotrack('event', 'leave', { n: 2 })`);
      await tab.close();

      await collector.expectStored(site, ['leave /form 1', 'leave /form 2', 'pageview /form']);
    });

    it('sends again what a collector that was away did not get, with its id and its time', async () => {
      const site = await newSite();
      site.serve('/away', pageWithClient(collector.url, { head: QUEUE }));

      const tab = await browser.open(site.url('/away'));
      await collector.waitFor(site, 1);
      await collector.down();
      await tab.run(`gotrack('event', 'while-away', { n: 1 })`);
      let kept = '';
      await until(async () => {
        kept = String(await tab.run('return JSON.stringify({ ...localStorage })'));
        return kept.includes('while-away');
      });
      const stillAwayMs = Date.now();
      await collector.up();
      const backMs = Date.now();
      const events = await collector.expectStored(site, ['pageview /away', 'while-away /away 1']);
      await tab.close();

      const late = events.find(({ type }) => type === 'while-away');
      expect(kept).toContain(late?.event_id);
      // The server takes the request's way for an error of the clock: that is less than the time it takes to start.
      expect(Date.parse(late?.ts ?? '')).toBeLessThan(backMs);
      expect(Date.parse(late?.received_at ?? '')).toBeGreaterThan(stillAwayMs);
    });

    it('has stored nothing else in the meantime, and nothing twice', async () => {
      await collector.expectNothingElse();
    });
  });
});
