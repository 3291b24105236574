import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../support/servers/collector.js';
import type { PostgresServer } from '../support/servers/postgres-server.js';
import { sharedPostgres } from '../support/servers/shared-servers.js';
import { Forwarder } from './support/forwarder.js';
import { pageWithClient, QUEUE } from './support/page.js';
import { chromiumProgram, firefoxProgram } from './support/programs.js';
import { launchChromium, launchFirefox, PuppeteerBrowser } from './support/puppeteer-browser.js';
import { Site } from './support/site.js';
import { StoringCollector } from './support/storing-collector.js';
import type { Tab, TestBrowser } from './support/tab.js';

const server = await sharedPostgres();
afterAll(() => server?.stop());
const chromium = chromiumProgram();
const firefox = firefoxProgram();

const ADDRESS = '81.2.69.142';
/** What finds out the most about visitors. */
const CURIOUS = {
  TRUST_PROXY: '127.0.0.1/32',
  VISITOR_HASH: 'true',
  IP_HASH_SECRET: 'secret-of-the-addresses-0123456789',
};

const profile = await mkdtemp(join(tmpdir(), 'gotrack-chromium-'));
afterAll(() => rm(profile, { recursive: true, force: true, maxRetries: 3 }));
await mkdir(join(profile, 'Default'));
await writeFile(
  join(profile, 'Default/Preferences'),
  JSON.stringify({ enable_do_not_track: true }),
);

/** Each has its own of the two signals. Their visitors have turned it on, so the browser tells both page and server. */
const BROWSERS: [name: string, signal: string, launch: (() => Promise<TestBrowser>) | undefined][] =
  [
    [
      'Chromium with Do Not Track',
      'navigator.doNotTrack',
      chromium && (async () => new PuppeteerBrowser(await launchChromium(chromium, profile))),
    ],
    [
      'Firefox with Global Privacy Control',
      'navigator.globalPrivacyControl',
      firefox &&
        (async () =>
          new PuppeteerBrowser(
            await launchFirefox(firefox, { 'privacy.globalprivacycontrol.enabled': true }),
          )),
    ],
  ];

describe.skipIf(!server)('a visitor who asks not to be followed', () => {
  let anonymizing: StoringCollector;
  let dropping: StoringCollector;

  beforeAll(async () => {
    [anonymizing, dropping] = await Promise.all([
      StoringCollector.start(server as PostgresServer, CURIOUS),
      StoringCollector.start(server as PostgresServer, { ...CURIOUS, PRIVACY_SIGNALS: 'drop' }),
    ]);
  });
  afterAll(() => Promise.all([anonymizing?.remove(), dropping?.remove()]));

  describe.each(BROWSERS)('in %s', (_name, signal, launch) => {
    describe.skipIf(!launch)('by its setting', () => {
      let browser: TestBrowser;

      beforeAll(async () => {
        browser = await (launch as () => Promise<TestBrowser>)();
      });
      afterAll(() => browser?.close());

      /** A visitor whom the site knew before. */
      async function visit(collector: StoringCollector) {
        const site = await Site.start();
        onTestFinished(() => site.stop());
        const way = await Forwarder.start(collector.url, ADDRESS);
        onTestFinished(() => way.stop());
        site.serve('/before', { html: '<!doctype html><title>Before</title>' });
        site.serve('/page', pageWithClient(way.url, { head: QUEUE }));
        const tab = await browser.open(site.url('/before'));
        onTestFinished(() => tab.close());
        await tab.run(`localStorage.gt_sid = 's-before';
          localStorage.gt_visit = '["v-before",1,1,1,1]'; document.cookie = 'theme=dark'`);
        await tab.goTo(site.url('/page'));
        expect(Number(await tab.run(`return ${signal}`))).toBe(1);
        await tab.run(`gotrack('identify', 'u-17', { plan: 'pro' }); gotrack('event', 'read')`);
        return { site, way, tab };
      }

      const kept = (tab: Tab): Promise<unknown> =>
        tab.run('return Object.keys(localStorage).sort() + document.cookie');

      it('is counted, and told apart by nothing that is sent or stored', async () => {
        const { site, tab } = await visit(anonymizing);
        const events = await anonymizing.expectStored(site, ['pageview /page', 'read /page']);

        for (const event of [...events, ...(await anonymizing.logged(site))]) {
          expect(event).not.toHaveProperty('session');
          expect(event).not.toHaveProperty('user');
          expect(event.server).toEqual({
            geo: { country: 'GB' },
            client: expect.any(Object),
            bot: expect.any(Object),
            channel: { name: 'direct' },
          });
        }
        expect(JSON.stringify(events)).not.toMatch(/before|u-17|"pro"|81\.2\.69/);
        expect(await kept(tab)).toBe('gt_sid,gt_visittheme=dark');
        await tab.run(`gotrack('consent', 'denied')`);
        expect(await kept(tab)).toBe('theme=dark');
      });

      it('is not recorded where PRIVACY_SIGNALS is drop', async () => {
        const { site, way, tab } = await visit(dropping);

        await until(() => way.answers.some((answer) => answer.startsWith('POST /collect 2')));
        await dropping.expectStored(site, []);
        expect(await kept(tab)).toBe('gt_sid,gt_visittheme=dark');
      });
    });
  });

  it('has nothing else stored in the meantime', async () => {
    await expect(anonymizing.expectNothingElse()).resolves.toBeUndefined();
    await expect(dropping.expectNothingElse()).resolves.toBeUndefined();
  });
});
