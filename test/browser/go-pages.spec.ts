import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Program } from '../support/servers/debian-program.js';
import type { PostgresServer } from '../support/servers/postgres-server.js';
import { sharedPostgres } from '../support/servers/shared-servers.js';
import { ChromiumTabs } from './support/chromium-tabs.js';
import { chromiumProgram } from './support/programs.js';
import { launchChromium } from './support/puppeteer-browser.js';
import { Site } from './support/site.js';
import { StoringCollector } from './support/storing-collector.js';

const PAGES = globSync('test/browser/pages/go-*.html').map((path) => ({
  name: basename(path, '.html'),
  html: readFileSync(path, 'utf8'),
}));

const server = await sharedPostgres();
afterAll(() => server?.stop());
const program = chromiumProgram();

describe.skipIf(!server || !program)("a page of the Go service's, in Chromium", () => {
  let open: StoringCollector;
  let signed: StoringCollector;
  let tabs: ChromiumTabs;

  beforeAll(async () => {
    open = await StoringCollector.start(server as PostgresServer);
    signed = await StoringCollector.start(server as PostgresServer, {
      HMAC_SECRET: 'secret-of-the-signatures-0123456789',
    });
    tabs = new ChromiumTabs(await launchChromium(program as Program));
  });
  afterAll(async () => {
    await tabs?.close();
    await Promise.all([open?.remove(), signed?.remove()]);
  });

  async function visit(collector: StoringCollector, html: string) {
    const site = await Site.start();
    onTestFinished(() => site.stop());
    site.serve('/page', { html: html.replaceAll('{{COLLECTOR}}', collector.url) });
    const page = await tabs.blank();
    onTestFinished(() => page.close());
    // The visitor whom the Go service's script knew stays known.
    await page.evaluateOnNewDocument(`localStorage.setItem('gt_sid', 'visitor-of-the-go-service')`);
    // It comes from a page of another site, by a link.
    const other = await Site.start();
    onTestFinished(() => other.stop());
    const target = site.url('/page?utm_source=mail&amp;utm_campaign=spring');
    other.serve('/results', {
      html: `<a href="${target}" referrerpolicy="unsafe-url">found</a>`,
    });
    await page.goto(other.url('/results'));
    await Promise.all([page.waitForNavigation(), page.click('a')]);
    return { site, referrer: other.url('/results') };
  }

  it.each(PAGES.filter(({ name }) => name !== 'go-image'))(
    'is one view with page, campaign, referrer and session: $name',
    async ({ name, html }) => {
      const collector = name.endsWith('-signed') ? signed : open;

      const { site, referrer } = await visit(collector, html);
      const [event] = await collector.expectStored(site, ['pageview /page']);

      expect(event).toMatchObject({
        route: { domain: 'localhost', title: /<title>(.*)<\/title>/.exec(html)?.[1] },
        url: {
          utm: { source: 'mail', campaign: 'spring' },
          referrer,
          referrer_hostname: 'localhost',
        },
        session: {
          session_id: 'visitor-of-the-go-service',
          visitor_id: expect.any(String),
        },
      });
    },
  );

  it('is one view by its image alone', async () => {
    const site = await Site.start();
    onTestFinished(() => site.stop());
    const html = PAGES.find(({ name }) => name === 'go-image')?.html ?? '';
    // The image names a page; here it is one of the site's.
    const folder = encodeURIComponent(site.folder);
    site.serve('/image', {
      html: html.replaceAll('{{COLLECTOR}}', open.url).replace('%2Fimage', `${folder}%2Fimage`),
    });

    const page = await tabs.open(site.url('/image'));
    const [event] = await open.expectStored(site, ['pageview /image']);
    await page.close();

    expect(event).toMatchObject({
      route: { domain: 'shop.example' },
      url: { utm: { source: 'mail' }, referrer: 'https://search.example/' },
      session: { visitor_id: 'v-1', session_id: 's-1' },
    });
  });

  it('has stored nothing else in the meantime, and nothing twice', async () => {
    await open.expectNothingElse();
    await signed.expectNothingElse();
    expect(tabs.errors).toEqual([]);
  });
});
