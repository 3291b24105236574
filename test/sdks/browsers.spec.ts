import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newPage } from '../browser/support/puppeteer-browser.js';
import { PATIENCE_MS } from '../support/patience.js';
import { type LoggedEvent, until, Workplace } from '../support/servers/collector.js';
import { TcpProxy } from '../support/servers/tcp-proxy.js';
import { type NpmPackage, npmPackage } from './install.js';

/** What the server gives to an event that has no id of its own. */
const UUID_V7 = /^[\da-f]{8}-[\da-f]{4}-7/;
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.gz': 'application/gzip' };

interface BrowserSdk {
  readonly name: NpmPackage;
  readonly page: string;
  /** The folder of the package that the page loads it from. */
  readonly files: string;
  readonly screens: boolean;
}

const SDKS: readonly BrowserSdk[] = [
  {
    name: '@segment/analytics-next',
    page: 'segment.html',
    files: 'dist/umd',
    screens: true,
  },
  {
    name: '@rudderstack/analytics-js',
    page: 'rudder.html',
    files: 'dist/npm/modern/bundled/esm',
    screens: false,
  },
];

let workplace: Workplace;
let browser: Browser;
let server: Server;

/** Serves a site with another origin than the collector. @returns the address of a page that uses the SDK */
async function serve(sdk: BrowserSdk, collector: string): Promise<string> {
  const files = join(await npmPackage(sdk.name), 'node_modules', sdk.name, sdk.files);
  const html = await readFile(join(resolve('test/sdks/programs/pages'), sdk.page), 'utf8');
  server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://site').pathname;
    const isPage = path === '/cart';
    const body = isPage
      ? Promise.resolve(html.replaceAll('COLLECTOR', collector))
      : readFile(join(files, path.replace('/sdk/', '')));
    body.then(
      (content) => {
        const type = TYPES[extname(isPage ? sdk.page : path)] ?? 'text/javascript';
        response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(content);
      },
      () => response.writeHead(404).end(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return `http://localhost:${port}/cart?utm_source=mail`;
}

async function visit(address: string): Promise<Page> {
  const page = await newPage(browser);
  await page.goto(address);
  await page.waitForFunction('window.calls !== undefined');
  return page;
}

function only(events: readonly LoggedEvent[], type: string): LoggedEvent {
  const found = events.filter((event) => event.type === type);
  expect({ type, count: found.length }).toEqual({ type, count: 1 });
  return found[0] as LoggedEvent;
}

function expectAllCalls(events: readonly LoggedEvent[], screens: boolean): void {
  const page = {
    route: { domain: 'localhost', path: '/cart', title: 'Cart' },
    url: { utm: { source: 'mail' } },
  };
  const { session } = only(events, 'pageview');
  expect(session).toHaveProperty('visitor_id');
  expect(only(events, 'pageview')).toMatchObject({ ...page, props: { name: 'Cart', price: 3 } });
  expect(only(events, 'Signed up 🎉')).toMatchObject({
    ...page,
    session,
    props: { plan: 'né', nested: { n: 1.5 } },
  });
  if (screens) {
    expect(only(events, 'screenview')).toMatchObject({ props: { name: 'Start' } });
  }
  const user = { id: 'u-1', traits: { city: 'Zürich' } };
  expect(only(events, 'identify')).toMatchObject({ ...page, user });
  expect(only(events, 'group')).toMatchObject({ user: { id: 'u-1', group_id: 'g-1' } });
  expect(only(events, 'alias')).toMatchObject({ user: { id: 'u-1', previous_id: 'u-0' } });
  for (const { device, server: ours, props } of events) {
    expect(device).toMatchObject({ ua: expect.stringContaining('Mozilla/5.0') as string });
    expect(ours).toMatchObject({ source: 'site' });
    expect(props).toHaveProperty('context.library.name');
  }
}

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(async () => {
  await browser.close();
  server.closeAllConnections();
  server.close();
  await workplace.remove();
});

for (const sdk of SDKS) {
  const lacks = existsSync(CHROMIUM) ? '' : ` (needs ${CHROMIUM})`;
  describe.skipIf(lacks !== '')(`${sdk.name} in Chromium${lacks}`, () => {
    it('sends every call, 250 while the collector is away, and one at the end of its page', async () => {
      browser = await puppeteer.launch({
        executablePath: CHROMIUM,
        args: ['--no-sandbox'],
        timeout: PATIENCE_MS,
      });
      const collector = await workplace.start({
        INGEST_API_KEYS: 'site:write-key',
        REQUIRE_API_KEY: 'true',
      });
      const way = new TcpProxy({ host: '127.0.0.1', port: collector.port });
      await way.open();
      try {
        const address = await serve(sdk, `http://127.0.0.1:${way.port}`);
        const page = await visit(address);
        await page.evaluate('window.calls()');
        const calls = sdk.screens ? 6 : 5;
        await until(async () => (await collector.metric('gotrack_events_accepted_total')) >= calls);
        await collector.drained();
        expectAllCalls(await workplace.logged(), sdk.screens);

        await way.close();
        await page.evaluate('for (let n = 0; n < 250; n += 1) window.many(n)');
        await way.open();
        await until(
          async () => (await collector.metric('gotrack_events_accepted_total')) >= calls + 250,
        );
        await collector.drained();
        const events = await workplace.logged();
        const many = events.filter(({ type }) => type === 'Many').map(({ props }) => props?.['n']);
        expect(many.toSorted((a, b) => Number(a) - Number(b))).toEqual(
          Array.from({ length: 250 }, (_, n) => n),
        );
        expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(calls + 250);
        expect(events.filter(({ event_id }) => UUID_V7.test(event_id))).toEqual([]);

        await page.evaluate('window.many("at the end")');
        await page.close();
        // What did not leave with the page does when another page of the site is opened.
        await visit(address);
        const ofEnd = async (): Promise<LoggedEvent[]> =>
          (await workplace.logged()).filter(({ props }) => props?.['n'] === 'at the end');
        await until(async () => (await ofEnd()).length > 0);
        await collector.drained();
        expect(new Set((await ofEnd()).map(({ event_id }) => event_id)).size).toBe(1);
        expect(JSON.stringify(await workplace.logged())).not.toContain('write-key');
        expect(await collector.metric('gotrack_events_rejected_total')).toBe(0);
      } finally {
        await way.close();
      }
    });
  });
}
