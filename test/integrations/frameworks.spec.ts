import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { chromiumProgram } from '../browser/support/programs.js';
import { launchChromium, newPage } from '../browser/support/puppeteer-browser.js';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { snippetsOf } from './snippets.js';

const run = promisify(execFile);
const FRAMEWORKS = resolve('test/integrations/frameworks');
const CACHE = resolve('.cache/integrations');
const EXAMPLE_HOST = 'https://t.example.com';

const VITE = ['node_modules/vite/bin/vite.js', 'build'];
const NEXT = ['node_modules/next/dist/bin/next', 'build'];

interface Framework {
  /** The page of docs/integration. */
  readonly page: string;
  readonly build: readonly string[];
  /** Where the build leaves what is served. */
  readonly output: string;
  /** Stored when the page ends. */
  readonly atEnd?: readonly string[];
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
};

let browser: Browser;

beforeAll(async () => {
  await install();
  const program = chromiumProgram();
  if (!program) {
    throw new Error('Chromium is needed: apt-get install chromium');
  }
  browser = await launchChromium(program);
});
afterAll(() => browser?.close());

/** The packages of the sites, and the client as npm would publish it. */
async function install(): Promise<void> {
  const wanted = readFileSync(join(FRAMEWORKS, 'package.json'), 'utf8');
  const marker = join(CACHE, 'installed.json');
  await mkdir(CACHE, { recursive: true });
  if (!existsSync(marker) || readFileSync(marker, 'utf8') !== wanted) {
    await writeFile(join(CACHE, 'package.json'), wanted);
    await run('npm', ['install', '--no-audit', '--no-fund'], { cwd: CACHE });
    await writeFile(marker, wanted);
  }
  await run(process.execPath, ['clients/browser/build.mjs', '--package']);
  const packed = join(CACHE, 'packed');
  await rm(packed, { recursive: true, force: true });
  await mkdir(packed);
  await run('npm', ['pack', resolve('clients/browser'), '--pack-destination', packed]);
  const [archive = ''] = await readdir(packed);
  const target = join(CACHE, 'node_modules/@gotrack/browser');
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  await run('tar', ['xzf', join(packed, archive), '--strip-components=1', '-C', target]);
}

/** Puts the page's files into a site, and builds it. */
async function build(framework: Framework, { url }: Collector): Promise<string> {
  const site = join(CACHE, framework.page.replace('.md', ''));
  await rm(site, { recursive: true, force: true });
  await cp(join(FRAMEWORKS, framework.page.replace('.md', '')), site, { recursive: true });
  const files = snippetsOf(framework.page).filter(({ file }) => file !== undefined);
  expect(files.length).toBeGreaterThan(1);
  for (const { file = '', code } of files) {
    await mkdir(dirname(join(site, file)), { recursive: true });
    await writeFile(join(site, file), code.replaceAll(EXAMPLE_HOST, url));
  }
  const [script = '', ...args] = framework.build;
  await run(process.execPath, [join(CACHE, script), ...args], {
    cwd: site,
    env: { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' },
  });
  return join(site, framework.output);
}

/** Serves files as a host of static sites does; a path without one is the application's. */
async function serve(directory: string): Promise<string> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').replace(/\?.*/, '');
    const found = [path, `${path}.html`]
      .map((name) => join(directory, name))
      .find((name) => extname(name) !== '' && existsSync(name));
    const file = found ?? join(directory, 'index.html');
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'Content-Type': type }).end(readFileSync(file));
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}

it.each<Framework>([
  { page: 'react.md', build: VITE, output: 'dist', atEnd: ['web_vitals /'] },
  { page: 'vue.md', build: VITE, output: 'dist' },
  { page: 'next.md', build: NEXT, output: 'out' },
])('each page and event of the application of $page is stored once', async (framework) => {
  const workplace = await Workplace.create();
  onTestFinished(() => workplace.remove());
  const collector = await workplace.start();
  const origin = await serve(await build(framework, collector));
  const stored = async (): Promise<string[]> =>
    (await workplace.logged()).map(
      ({ type, route }) => `${type} ${(route as { path?: string }).path}`,
    );

  const page = await newPage(browser);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(`${origin}/`);
  await until(async () => (await stored()).length === 1);
  await (await page.waitForSelector('a'))?.click();
  await until(async () => (await stored()).length === 2);
  await (await page.waitForSelector('button'))?.click();
  await until(async () => (await stored()).length === 3);
  await page.goBack();
  await until(async () => (await stored()).length === 4);
  const { atEnd = [] } = framework;
  await page.close();
  await until(async () => (await stored()).length >= 4 + atEnd.length);
  await collector.drained('log');

  const views = ['pageview /', 'pageview /about', 'signup /about', 'pageview /'];
  expect(await stored()).toEqual([...views, ...atEnd]);
  const [, about] = await workplace.logged();
  expect(about).toMatchObject({ url: { referrer: `${origin}/` } });
  expect(faults).toEqual([]);
});
