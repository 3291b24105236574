import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { replaceFile } from '../support/servers/replace-file.js';
import { CertificateAuthority } from '../support/servers/server-certificate.js';
import { ask } from '../support/servers/tls-client.js';

const SECRET = 'jane.doe@example.com';
const DEAD_POSTGRES = 'postgres://nobody@127.0.0.1:1/events';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

async function pageOf(collector: Collector, headers: Record<string, string> = {}): Promise<string> {
  return (await fetch(collector.metricsUrl, { headers })).text();
}

/** The text of a piece of the page as a person reads it. */
function read(markup: string): string {
  return markup
    .replace(/<style>[^]*<\/style>/, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function answerOf(page: string): string {
  return read(/<section class="verdict[^]*?<\/section>/.exec(page)?.[0] ?? '');
}

/** The cells of the row that begins with this one, by their titles. */
function row(page: string, first: string): Record<string, string> {
  for (const [markup] of page.matchAll(/<tr>(?:(?!<\/tr>)[^])*<td[^]*?<\/tr>/g)) {
    const cells = Array.from(
      markup.matchAll(/<td data-label="([^"]*)"[^>]*>([^]*?)<\/td>/g),
      ([, title = '', cell = '']) => [title, read(cell)] as const,
    );
    if (cells[0]?.[1] === first) {
      return Object.fromEntries(cells);
    }
  }
  throw new Error(`no row ${first} in ${read(page)}`);
}

describe('the status page', () => {
  it('says that no event is lost while all is well, and what became of each', async () => {
    const collector = await workplace.start();
    for (const body of ['{"type":"a"}', '[{"type":"b"},{}]', '[{},{"type":"c","url":1}]']) {
      await fetch(`${collector.url}/collect`, { method: 'POST', body });
    }
    await fetch(`${collector.url}/px.gif`);
    await collector.drained();
    const page = await pageOf(collector);
    expect(answerOf(page)).toMatch(/^Are we losing events\? No: /);
    expect(row(page, 'process')).toMatchObject({ state: 'running', cause: '' });
    expect(row(page, 'queue')).toMatchObject({ state: 'accepting' });
    expect(row(page, 'log')).toMatchObject({
      accepted: '5',
      delivered: '5',
      queued: '0',
      'dead letters': '0',
      damaged: '0',
    });
    const collect = row(page, '/collect');
    expect(collect).toMatchObject({ received: '5', accepted: '4', invalid: '1', 'not taken': '0' });
    expect(collect['accepted a second']).not.toBe('0');
    expect(row(page, '/px.gif')).toMatchObject({ received: '1', accepted: '1' });
    expect(row(page, 'schema')).toMatchObject({ kind: 'invalid', events: '1' });
    for (const path of ['/metrics', '/healthz', '/readyz']) {
      expect(page).toContain(`href="${path}"`);
    }
  });

  it('is plain HTML that refreshes itself, is never stored, and could run no script', async () => {
    const collector = await workplace.start();
    const { headers, ...response } = await fetch(collector.metricsUrl).then(async (reply) => ({
      headers: reply.headers,
      page: await reply.text(),
    }));
    const { page } = response;
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(page).toContain('<meta http-equiv="refresh"');
    expect(page).not.toMatch(/<script|\son\w+=|\sstyle=|\ssrc=|<link|javascript:|https?:/i);
    const style = /<style>([^]*)<\/style>/.exec(page)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(headers.get('content-security-policy')).toContain(
      `default-src 'none'; style-src 'sha256-${hash}';`,
    );
    expect(style).toContain('prefers-color-scheme: dark');
  });

  it('says that events are lost, why and what to do, with a dead sink and a full queue', async () => {
    const authority = new CertificateAuthority(workplace.directory, 'authority');
    const { cert, key } = authority.issue('server', { days: 3 });
    const collector = await workplace.start({
      ENABLE_HTTPS: 'true',
      SSL_CERT_FILE: cert,
      SSL_KEY_FILE: key,
      OUTPUTS: 'log,postgres',
      PG_DSN: DEAD_POSTGRES,
      QUEUE_MAX_MB: '1',
    });
    const pixel = `/px.gif?who=${SECRET}&pad=${'x'.repeat(14_000)}`;
    await until(async () => {
      const { status } = await ask(collector.port, pixel, { rejectUnauthorized: false });
      return status === 503;
    });
    await until(async () => row(await pageOf(collector), 'sink:postgres')['state'] === 'down');
    await until(async () => row(await pageOf(collector), 'queue')['state'] === 'full');

    const page = await pageOf(collector);
    expect(answerOf(page)).toMatch(
      /^Are we losing events\? Yes: the queue has been full for \d+ s, since [-\d]+ [:\d]+ UTC, because nothing reaches postgres, .*fix postgres, or set a larger QUEUE_MAX_MB/,
    );
    expect(row(page, 'sink:postgres')['cause']).toContain('ECONNREFUSED');
    expect(read(page)).toMatch(/(?:9\d|100) % full: .* of 1 MiB.* Full for \d+ s, since/);
    expect(Number(row(page, 'postgres')['queued'])).toBeGreaterThan(50);
    expect(row(page, 'queue_full')).toMatchObject({ kind: 'not taken', endpoint: '/px.gif' });
    expect(row(page, 'collector')).toMatchObject({ in: expect.stringMatching(/^2 d/) });
    expect(read(page)).toContain('The certificate of the collector server ends in 2 d');

    const readyz = await (await fetch(`${collector.metricsUrl}/readyz`)).text();
    for (const shown of [page, readyz, collector.log.join('\n')]) {
      expect(shown).not.toContain(SECRET);
    }
  });

  it('escapes the texts of errors', async () => {
    const markup = `<script>alert('1')</script>&"`;
    const collector = await workplace.start({ LOG_PATH: `/proc/${markup}/events.ndjson` });
    await until(async () => row(await pageOf(collector), 'sink:log')['state'] === 'down');
    const page = await pageOf(collector);
    expect(page).not.toContain('<script');
    expect(row(page, 'sink:log')['cause']).toContain(markup);
    expect(answerOf(page)).toMatch(/No, not yet: nothing reaches log, and 0 events wait/);
  });

  it('shows figures only to those who bring the token, which a browser can ask for', async () => {
    const collector = await workplace.start({ METRICS_BEARER_TOKEN: 'a-token' });
    const basic = (pair: string) => ({
      authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
    });
    for (const headers of [{}, basic('any:wrong'), { authorization: 'Bearer wrong' }]) {
      const page = await pageOf(collector, headers);
      expect(answerOf(page)).toContain('No: ');
      expect(row(page, 'sink:log')).toMatchObject({ cause: '' });
      expect(() => row(page, 'log')).toThrow('no row');
      expect(() => row(page, '/collect')).toThrow('no row');
      const asked = await fetch(`${collector.metricsUrl}/?figures`, { headers });
      expect(asked.status).toBe(401);
      expect(asked.headers.get('www-authenticate')).toMatch(/^Basic /);
    }
    for (const headers of [basic('any:a-token'), { authorization: 'Bearer a-token' }]) {
      expect(row(await pageOf(collector, headers), 'log')).toMatchObject({ queued: '0' });
    }
    const scrape = await fetch(`${collector.metricsUrl}/metrics`, { headers: basic('a:a-token') });
    expect(scrape.status).toBe(401);
  });

  it('says that the collector shuts down while it does', async () => {
    const collector = await workplace.start({ SHUTDOWN_DELAY_MS: '600000' });
    collector.signal('SIGTERM');
    await until(async () => row(await pageOf(collector), 'process')['state'] === 'draining');
    expect(answerOf(await pageOf(collector))).toContain('Shutting down: ');
  });
});

describe('the token of the metrics address', () => {
  it('follows its file, and stays while the file is empty, gone or holds no token', async () => {
    const file = workplace.path('token');
    const next = workplace.path('next');
    await writeFile(file, 'alpha-token\n');
    const collector = await workplace.start({ METRICS_BEARER_TOKEN_FILE: file });
    const serves = async (token: string): Promise<boolean> => {
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${collector.metricsUrl}/metrics`, { headers })).status === 200;
    };
    expect(await serves('alpha-token')).toBe(true);
    await writeFile(next, 'beta-token\n');
    replaceFile(file, next);
    await until(() => serves('beta-token'));
    expect(await serves('alpha-token')).toBe(false);

    const warnings = (): string[] =>
      collector.log.filter(
        (line) => line.includes('METRICS_BEARER_TOKEN_FILE') && line.includes('stays in use'),
      );
    for (const [index, content] of ['', 'two words'].entries()) {
      await writeFile(file, content);
      await until(async () => {
        expect(await serves('beta-token')).toBe(true);
        return warnings().length > index;
      });
      expect(await serves('')).toBe(false);
    }
    expect(collector.log.join('\n')).not.toMatch(/alpha-token|beta-token|two words/);
  });
});
