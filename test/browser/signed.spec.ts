import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../support/servers/collector.js';
import type { Program } from '../support/servers/debian-program.js';
import type { PostgresServer } from '../support/servers/postgres-server.js';
import { sharedPostgres } from '../support/servers/shared-servers.js';
import { ChromiumTabs, kept, track, tracked } from './support/chromium-tabs.js';
import { Forwarder } from './support/forwarder.js';
import { pageWithClient, QUEUE } from './support/page.js';
import { chromiumProgram } from './support/programs.js';
import { launchChromium } from './support/puppeteer-browser.js';
import { Site } from './support/site.js';
import { StoringCollector } from './support/storing-collector.js';

const server = await sharedPostgres();
afterAll(() => server?.stop());
const program = chromiumProgram();

const KEY = 'key-of-the-shop-0123456789abcdef';

describe.skipIf(!server || !program)('a collector that wants signatures, with Chromium', () => {
  let collector: StoringCollector;
  let tabs: ChromiumTabs;

  beforeAll(async () => {
    collector = await StoringCollector.start(server as PostgresServer, {
      HMAC_SECRET: 'secret-of-the-signatures-0123456789',
      INGEST_API_KEYS: `shop:${KEY}`,
      TRUST_PROXY: '127.0.0.1/32',
    });
    tabs = new ChromiumTabs(await launchChromium(program as Program));
  });
  afterAll(async () => {
    await tabs?.close();
    await collector?.remove();
  });

  /** A site, and the way from its visitors to the collector. */
  async function newSite(client: string): Promise<{ site: Site; way: Forwarder }> {
    const site = await Site.start();
    onTestFinished(() => site.stop());
    const way = await Forwarder.start(collector.url, '203.0.113.7');
    onTestFinished(() => way.stop());
    site.serve('/page', pageWithClient(way.url, { head: QUEUE, client }));
    return { site, way };
  }

  async function open(site: Site): Promise<Page> {
    const page = await tabs.open(site.url('/page'));
    await collector.waitFor(site, 1);
    return page;
  }

  it('gets signed events, also from a tab that is closed', async () => {
    const { site } = await newSite('data-hmac');

    const page = await open(site);
    await track(page, 'signed', 3);
    await page.close();
    // What a page had no time to sign leaves with the next one.
    const next = await tabs.open(site.url('/page'));

    await collector.expectStored(
      site,
      ['pageview /page', 'pageview /page', ...tracked('signed', '/page', 3)],
      { mayRepeat: true },
    );
    await next.close();
  });

  it('gets the events of a page that was not told to sign', async () => {
    const { site } = await newSite('');

    const page = await open(site);
    await track(page, 'learns', 3);

    await collector.expectStored(site, ['pageview /page', ...tracked('learns', '/page', 3)]);
    await page.close();
  });

  it('gets the events of a visitor whose address changes', async () => {
    const { site, way } = await newSite('data-hmac');

    const page = await open(site);
    way.clientAddress = '198.51.100.23';
    await track(page, 'moved', 3);

    await collector.expectStored(site, ['pageview /page', ...tracked('moved', '/page', 3)]);
    await page.close();
  });

  it('gets what a visitor could not send, and signed for another address before', async () => {
    const { site, way } = await newSite('data-hmac');

    const page = await open(site);
    await collector.down();
    await track(page, 'late', 3);
    await until(async () => (await kept(page)).includes('late'));
    way.clientAddress = '198.51.100.23';
    await collector.up();

    await collector.expectStored(site, ['pageview /page', ...tracked('late', '/page', 3)]);
    await page.close();
  });

  it('takes a key in place of a signature, and names its source', async () => {
    const { site } = await newSite(`data-key="${KEY}"`);

    const page = await open(site);
    const [event] = await collector.expectStored(site, ['pageview /page']);

    expect(event?.server?.['source']).toBe('shop');
    expect(JSON.stringify(event)).not.toContain(KEY);
    await page.close();
  });

  it('is asked once by a page with a wrong key, which keeps nothing to ask again', async () => {
    const { site, way } = await newSite('data-key="key-of-nobody"');

    const page = await tabs.open(site.url('/page'));
    await until(() => way.answers.includes('POST /collect 401'));
    await until(async () => !(await kept(page)).includes('pageview'));
    await page.close();

    await collector.expectStored(site, []);
    expect(way.answers.filter((answer) => answer.startsWith('POST'))).toHaveLength(1);
  });

  it('has stored nothing else in the meantime, and nothing twice', async () => {
    await collector.expectNothingElse();
    expect(tabs.errors).toEqual([]);
  });
});
