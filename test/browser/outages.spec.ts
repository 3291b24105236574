import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

const FILL_STORAGE = inline(`for (let size = 1 << 20, n = 0; size >= 1;) {
  try { localStorage.setItem('full' + n++, 'x'.repeat(size)); } catch { size >>= 1; }
}`);

/** Each test has a site of its own; all of them meet the same outage, which takes a while. */
describe.skipIf(!server || !program)('a collector that was away, in Chromium', () => {
  let collector: StoringCollector;
  let tabs: ChromiumTabs;
  let profile: string;
  const sites: Site[] = [];

  interface Visited {
    readonly site: Site;
    readonly pages: readonly Page[];
  }
  let one: Visited;
  let two: Visited;
  let ten: Visited;
  let full: Visited;
  let withdrawn: Visited;
  let restarted: Site;

  async function visit(
    count: number,
    { from = tabs, head = QUEUE, client = '' } = {},
  ): Promise<Visited> {
    const site = await Site.start();
    sites.push(site);
    for (const path of ['/a', '/b']) {
      site.serve(path, pageWithClient(collector.url, { head, client }));
    }
    const pages: Page[] = [];
    for (let n = 0; n < count; n += 1) {
      pages.push(await from.open(site.url('/a')));
    }
    await collector.waitFor(site, count);
    return { site, pages };
  }

  /** Each page's events have numbers of their own. */
  async function trackInEach({ pages }: Visited, count: number): Promise<void> {
    for (const [index, page] of pages.entries()) {
      await track(page, 'away', count, index * count + 1);
    }
  }

  function views(count: number, path = '/a'): string[] {
    return Array.from({ length: count }, () => `pageview ${path}`);
  }

  beforeAll(async () => {
    profile = await mkdtemp(join(tmpdir(), 'gotrack-chromium-'));
    collector = await StoringCollector.start(server as PostgresServer);
    tabs = new ChromiumTabs(await launchChromium(program as Program));
    const before = new ChromiumTabs(await launchChromium(program as Program, profile));
    one = await visit(1);
    two = await visit(2);
    ten = await visit(10);
    full = await visit(1, { head: QUEUE + FILL_STORAGE });
    const granting = inline(`gotrack('consent', 'granted')`);
    withdrawn = await visit(1, { head: QUEUE + granting, client: 'data-consent="required"' });
    const persistent = await visit(1, { from: before });
    restarted = persistent.site;

    await collector.down();

    for (const visited of [one, two, ten, full, withdrawn, persistent]) {
      await trackInEach(visited, 20);
    }
    const [page] = one.pages as [Page];
    await page.goto(one.site.url('/b'));
    // A tab that is closed leaves its events to the others.
    for (const closed of ten.pages.slice(0, 5)) {
      await closed.close();
    }
    const [regretting] = withdrawn.pages as [Page];
    await until(async () => (await kept(regretting)).includes('away'));
    await regretting.evaluate(`gotrack('consent', 'denied')`);
    const [last] = persistent.pages as [Page];
    await until(async () => (await kept(last)).includes('away'));
    await last.close();
    await before.close();

    await collector.up();
  });
  afterAll(async () => {
    await tabs?.close();
    await collector?.remove();
    await Promise.all(sites.map((site) => site.stop()));
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  });

  it('gets the events of a page, also those of a page that was opened meanwhile', async () => {
    await collector.expectStored(one.site, [
      ...views(1),
      ...views(1, '/b'),
      ...tracked('away', '/a', 20),
    ]);
  });

  it('gets the events of two tabs, each of them once', async () => {
    await collector.expectStored(two.site, [...views(2), ...tracked('away', '/a', 40)]);
  });

  it('gets the events of ten tabs, of which five were closed, each of them once', async () => {
    await collector.expectStored(ten.site, [...views(10), ...tracked('away', '/a', 200)]);
  });

  it('gets the events of a page whose storage is full', async () => {
    await collector.expectStored(full.site, [...views(1), ...tracked('away', '/a', 20)]);
  });

  it('gets nothing that waited for it when consent was withdrawn', async () => {
    const [page] = withdrawn.pages as [Page];

    expect(await kept(page)).not.toContain('away');
    await collector.expectStored(withdrawn.site, views(1));
  });

  it('gets the events of a browser that was closed and started again', async () => {
    const after = new ChromiumTabs(await launchChromium(program as Program, profile));
    try {
      await after.open(restarted.url('/b'));
      const events = await collector.expectStored(restarted, [
        ...views(1),
        ...views(1, '/b'),
        ...tracked('away', '/a', 20),
      ]);
      // They are of the time when they happened, and of the session in which they did.
      const [first] = events;
      expect(events.map(({ type }) => type).lastIndexOf('away')).toBe(events.length - 2);
      expect(new Set(events.map(({ session }) => session?.['session_id']))).toEqual(
        new Set([first?.session?.['session_id']]),
      );
    } finally {
      await after.close();
    }
  });

  it('misses no event of a page that is busy while it is killed and comes back', async () => {
    const { site, pages } = await visit(1);
    const [page] = pages as [Page];
    await page.evaluate(`
      window.n = 0;
      window.ticking = setInterval(() => gotrack('event', 'tick', { n: ++n }), 20);
    `);
    await collector.waitFor(site, 20);
    await collector.kill();
    const atDeath = Number(await page.evaluate('n'));
    await until(async () => Number(await page.evaluate('n')) > atDeath + 20);
    await collector.up();
    await until(async () => (await collector.rows(site)).length > atDeath + 20);
    const count = Number(await page.evaluate('clearInterval(ticking), n'));

    // What it had stored when it was killed, and had not answered yet, comes again.
    await collector.expectStored(site, [...views(1), ...tracked('tick', '/a', count)], {
      mayRepeat: true,
    });
  });

  it('has stored nothing else in the meantime, and nothing twice', async () => {
    await collector.expectNothingElse();
    expect(tabs.errors).toEqual([]);
  });
});
