import { userInfo } from 'node:os';
import puppeteer, { type Browser, type LaunchOptions, type Page } from 'puppeteer-core';
import { PATIENCE_MS } from '../../support/patience.js';
import type { Program } from '../../support/servers/debian-program.js';
import type { Tab, TestBrowser } from './tab.js';

/** An empty page. */
export async function newPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  return page;
}

/**
 * @param profile where it keeps what pages store; without one, it forgets that with its end
 */
export async function launchChromium(program: Program, profile?: string): Promise<Browser> {
  return puppeteer.launch({
    ...launchOptions(program, profile),
    browser: 'chrome',
    // Without it, no page comes back as it was left.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-dev-shm-usage'],
  });
}

/**
 * It is driven by WebDriver BiDi.
 * @param preferences what its user has set, by the names of about:config
 */
export async function launchFirefox(
  program: Program,
  preferences: Readonly<Record<string, boolean>> = {},
): Promise<Browser> {
  return puppeteer.launch({
    ...launchOptions(program),
    browser: 'firefox',
    extraPrefsFirefox: preferences,
  });
}

export class PuppeteerBrowser implements TestBrowser {
  constructor(private readonly browser: Browser) {}

  async open(url: string): Promise<PuppeteerTab> {
    const page = await newPage(this.browser);
    await page.goto(url);
    return new PuppeteerTab(page);
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}

class PuppeteerTab implements Tab {
  constructor(private readonly page: Page) {}

  async goTo(url: string): Promise<void> {
    await this.page.goto(url);
  }

  run(script: string): Promise<unknown> {
    return this.page.evaluate(`(() => { ${script} })()`);
  }

  close(): Promise<void> {
    return this.page.close();
  }
}

function launchOptions(program: Program, profile?: string): LaunchOptions {
  return {
    executablePath: program.path,
    timeout: PATIENCE_MS,
    // Firefox refuses to run as root where the home is another user's, as `sudo` may leave it.
    env: { ...process.env, HOME: userInfo().homedir, ...program.environment },
    ...(profile !== undefined && { userDataDir: profile }),
  };
}
