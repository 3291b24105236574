import type { Browser, Page } from 'puppeteer-core';
import { newPage } from './puppeteer-browser.js';

/** Opens pages, and keeps what they throw: none of it may be the client's. */
export class ChromiumTabs {
  readonly errors: string[] = [];

  constructor(private readonly browser: Browser) {}

  async blank(): Promise<Page> {
    const page = await newPage(this.browser);
    page.on('pageerror', (error) => this.errors.push(String(error)));
    return page;
  }

  async open(url: string): Promise<Page> {
    const page = await this.blank();
    await page.goto(url);
    return page;
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}

/** As many events of that type, numbered from `first`. */
export async function track(page: Page, type: string, count: number, first = 1): Promise<void> {
  await page.evaluate(
    `for (let n = ${first}; n < ${first + count}; n += 1) { gotrack('event', '${type}', { n }); }`,
  );
}

/** The names of the events that `track` makes, as they are stored. */
export function tracked(type: string, path: string, count: number, first = 1): string[] {
  return Array.from({ length: count }, (_, n) => `${type} ${path} ${first + n}`);
}

/** All that the page's origin keeps in this browser, as one text. */
export async function kept(page: Page): Promise<string> {
  return String(await page.evaluate('JSON.stringify({ ...localStorage }) + document.cookie'));
}
