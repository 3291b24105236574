import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { until } from '../../support/servers/collector.js';
import { freePort } from '../../support/servers/free-port.js';
import type { DisplayProgram, WebKitProgram } from './programs.js';
import type { Tab, TestBrowser } from './tab.js';

/** WebKitGTK's browser by the W3C's WebDriver, on a display of its own. */
export class WebKitBrowser implements TestBrowser {
  private constructor(
    private readonly display: ChildProcess,
    private readonly driver: ChildProcess,
    /** The address of the session. */
    private readonly session: string,
    /** The window that it began with: one has to be there, that others are opened from. */
    private readonly first: string,
  ) {}

  static async launch(program: WebKitProgram, display: DisplayProgram): Promise<WebKitBrowser> {
    const server = spawn(
      display.path,
      ['-displayfd', '3', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp'],
      {
        cwd: display.directory,
        env: { ...process.env, ...display.environment },
        stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      },
    );
    const [number] = (await once(server.stdio[3] as Readable, 'data')) as [Buffer];
    const port = await freePort();
    const driver = spawn(program.driver.path, [`--port=${port}`], {
      cwd: program.directory,
      env: {
        ...process.env,
        ...program.driver.environment,
        DISPLAY: `:${number.toString().trim()}`,
        GDK_BACKEND: 'x11',
      },
      stdio: 'ignore',
    });
    const address = `http://127.0.0.1:${port}`;
    await until(async () => (await fetch(`${address}/status`)).ok);
    const { sessionId } = (await command('POST', `${address}/session`, {
      capabilities: {
        alwaysMatch: {
          'webkitgtk:browserOptions': { binary: program.browser, args: ['--automation'] },
        },
      },
    })) as { sessionId: string };
    const session = `${address}/session/${sessionId}`;
    const first = await command('GET', `${session}/window`);
    return new WebKitBrowser(server, driver, session, String(first));
  }

  async open(url: string): Promise<WebKitTab> {
    await command('POST', `${this.session}/window`, { handle: this.first });
    const { handle } = (await command('POST', `${this.session}/window/new`, { type: 'tab' })) as {
      handle: string;
    };
    const tab = new WebKitTab(this.session, handle);
    await tab.goTo(url);
    return tab;
  }

  async close(): Promise<void> {
    await command('DELETE', this.session);
    for (const child of [this.driver, this.display]) {
      child.kill('SIGTERM');
      await once(child, 'close');
    }
  }
}

class WebKitTab implements Tab {
  constructor(
    private readonly session: string,
    private readonly handle: string,
  ) {}

  async goTo(url: string): Promise<void> {
    await this.select();
    await command('POST', `${this.session}/url`, { url });
  }

  async run(script: string): Promise<unknown> {
    await this.select();
    return command('POST', `${this.session}/execute/sync`, { script, args: [] });
  }

  async close(): Promise<void> {
    await this.select();
    await command('DELETE', `${this.session}/window`);
  }

  private async select(): Promise<void> {
    await command('POST', `${this.session}/window`, { handle: this.handle });
  }
}

async function command(method: string, url: string, body?: object): Promise<unknown> {
  const answer = await fetch(url, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  const { value } = (await answer.json()) as { value: unknown };
  if (!answer.ok) {
    throw new Error(`${method} ${url}: ${JSON.stringify(value)}`);
  }
  return value;
}
