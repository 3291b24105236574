import { createHash } from 'node:crypto';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { chromiumProgram } from '../browser/support/programs.js';
import { launchChromium, newPage } from '../browser/support/puppeteer-browser.js';
import { Site } from '../browser/support/site.js';
import {
  type Collector,
  type LoggedEvent,
  until,
  Workplace,
} from '../support/servers/collector.js';
import type { Program } from '../support/servers/debian-program.js';
import { markupOf, snippetsOf } from './snippets.js';

const KEY = 'integration-key-0123456789';
const program = chromiumProgram();

describe.skipIf(!program)('a plain page with what docs/integration says', () => {
  let workplace: Workplace;
  let collector: Collector;
  let browser: Browser;

  beforeAll(async () => {
    workplace = await Workplace.create();
    collector = await workplace.start({ INGEST_API_KEYS: `shop:${KEY}` });
    browser = await launchChromium(program as Program);
  });
  afterAll(async () => {
    await browser?.close();
    await workplace?.remove();
  });

  /** Opens a page of a site of its own. */
  async function open(head: string, headers: Record<string, string> = {}) {
    const site = await Site.start();
    onTestFinished(() => site.stop());
    const html = `<!doctype html><html lang="en"><head><link rel="icon" href="data:,"><title>A page</title>${head}</head></html>`;
    site.serve('/page', { html: html.replaceAll('YOUR_KEY', KEY), headers });
    const page = await newPage(browser);
    onTestFinished(() => page.close());
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') {
        faults.push(message.text());
      }
    });
    await page.goto(`${site.url('/page')}?utm_source=docs`);
    return { site, page, faults };
  }

  async function stored(wanted: (event: LoggedEvent) => boolean, count: number) {
    const matching = async (): Promise<LoggedEvent[]> => (await workplace.logged()).filter(wanted);
    await until(async () => (await matching()).length >= count);
    await collector.drained('log');
    return matching();
  }

  const onSite =
    ({ folder }: Site) =>
    ({ route }: LoggedEvent): boolean =>
      (route as { path?: string } | undefined)?.path === `${folder}/page`;

  it('counts views and events (README.md)', async () => {
    const { site, faults } = await open(markupOf('README.md', collector.url)[0] ?? '');
    const events = await stored(onSite(site), 2);
    expect(events.map(({ type }) => type).toSorted()).toEqual(['pageview', 'signup']);
    const signup = events.find(({ type }) => type === 'signup');
    expect(signup).toMatchObject({ props: { plan: 'pro' }, url: { utm: { source: 'docs' } } });
    expect(faults).toEqual([]);
  });

  it('names its source by the key (script-tag.md)', async () => {
    const head = markupOf('script-tag.md', collector.url).toReversed().join('\n');
    const { site, faults } = await open(`${head}<script>gotrack('event', 'before')</script>`);
    const events = await stored(onSite(site), 2);
    expect(events.map(({ type }) => type).toSorted()).toEqual(['before', 'pageview']);
    expect(events).toMatchObject([{ server: { source: 'shop' } }, { server: { source: 'shop' } }]);
    expect(faults).toEqual([]);
  });

  it('says who it is, and loads the file under its hash (server-rendered.md)', async () => {
    const [layout = '', user = '', hashed = ''] = markupOf('server-rendered.md', collector.url);
    const { site, faults } = await open(layout + user);
    const events = await stored(onSite(site), 2);
    expect(events.map(({ type }) => type).toSorted()).toEqual(['identify', 'pageview']);
    expect(events.find(({ type }) => type === 'identify')).toMatchObject({
      user: { id: 'user-1' },
    });
    expect(faults).toEqual([]);

    const script = await fetch(`${collector.url}/pixel.js`);
    const digest = createHash('sha384')
      .update(await script.text())
      .digest('base64');
    const pinned = await open(
      hashed
        .replace(/pixel\.[\da-f]{16}\.js/, script.headers.get('content-location') ?? '')
        .replace('sha384-…', `sha384-${digest}`),
    );
    expect(await stored(onSite(pinned.site), 1)).toMatchObject([{ type: 'pageview' }]);
    expect(pinned.faults).toEqual([]);
  });

  it('is one event for each image (pixel-only.md, email.md)', async () => {
    const [given = '', noscript = ''] = markupOf('pixel-only.md', collector.url);
    const [message = ''] = markupOf('email.md', collector.url);
    const { site } = await open(given + message + noscript.replaceAll(/<\/?noscript>/g, ''));
    expect(await stored(onSite(site), 1)).toMatchObject([
      { type: 'pageview', url: { utm: { source: 'docs' } } },
    ]);
    const cart = await stored(({ route }) => (route as { path?: string })?.path === '/cart', 1);
    expect(cart).toMatchObject([{ route: { title: 'Cart' }, url: { utm: { source: 'mail' } } }]);
    expect(await stored(({ type }) => type === 'email_open', 1)).toMatchObject([
      { props: { message: '42' }, url: { utm: { campaign: 'spring' } } },
    ]);
  });

  it('needs no more than the policy says (csp.md)', async () => {
    const policy = snippetsOf('csp.md').find(({ language }) => language === 'text')?.code ?? '';
    const { site, faults } = await open(
      `<script nonce="R4nd0m">${queueOf('script-tag.md')}gotrack('event', 'early')</script>
       <script async nonce="R4nd0m" src="${collector.url}/pixel.js"></script>`,
      {
        'Content-Security-Policy': policy
          .replace('Content-Security-Policy:', "default-src 'none';")
          .replaceAll('https://t.example.com', collector.url)
          .replace(/img-src (\S+)/, 'img-src data: $1')
          .replaceAll(/\s+/g, ' '),
      },
    );
    const events = await stored(onSite(site), 2);
    expect(events.map(({ type }) => type).toSorted()).toEqual(['early', 'pageview']);
    expect(faults).toEqual([]);
  });

  it('stores and sends nothing before consent, and removes it after (consent.md)', async () => {
    const [tag = '', tcf = ''] = markupOf('consent.md', collector.url);
    const manager = `<script>
      window.__tcfapi = (command, version, listener) => (window.decide = (stores, measures) =>
        listener({ eventStatus: 'useractioncomplete', purpose: { consents: { 1: stores, 8: measures } } }, true));
    </script>`;
    const { site, page } = await open(
      `${manager}${tag}${tcf}<script>gotrack('event', 'early')</script>`,
    );
    await page.waitForFunction('gotrack.init');
    await page.evaluate('decide(true, false)');
    expect(await page.evaluate('localStorage.length')).toBe(0);
    await page.evaluate('decide(true, true)');
    await page.evaluate(`gotrack('event', 'late')`);
    const events = await stored(onSite(site), 2);
    expect(events.map(({ type }) => type).toSorted()).toEqual(['late', 'pageview']);
    await page.evaluate('decide(false, true)');
    expect(await page.evaluate('localStorage.length')).toBe(0);
  });
});

/** The line that makes commands wait. */
function queueOf(page: string): string {
  const code = snippetsOf(page).find(({ code: text }) => text.includes('gotrack.q'))?.code ?? '';
  return code.replaceAll(/<\/?script>/g, '');
}
