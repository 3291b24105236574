import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { isbot } from 'isbot';
import { describe, expect, it } from 'vitest';
import { BOTS, BROWSERS } from '../../../test/fixtures/user-agents.js';
import type { RequestFacts } from '../request-facts.js';
import type { BotFinding } from './bot-verdict.js';
import { Bots } from './bots.js';
import { type BotMode, EnrichmentOptions } from './enrichment.options.js';
import type { Enriched } from './enrichment-step.js';

type Headers = Readonly<Record<string, string>>;

const WINDOWS_CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

function botsWith(bots: BotMode = 'mark'): Bots {
  return new Bots(Object.assign(new EnrichmentOptions(), { bots }));
}

function factsOf(headers: Headers): RequestFacts {
  return { receivedAtMs: 0, headers, query: '', address: undefined };
}

function found(headers: Headers, mode?: BotMode, before: Enriched = {}): Enriched | undefined {
  return botsWith(mode).ofRequest(factsOf(headers), before);
}

function findingOf(headers: Headers): BotFinding {
  return found(headers)?.server?.['bot'] as BotFinding;
}

/** Sets of complete headers, by the names of their files in test/fixtures/headers. */
const RECORDED = globSync('test/fixtures/headers/{chromium,firefox,forged}-*.json').map((path) => {
  const { requests } = JSON.parse(readFileSync(path, 'utf8')) as {
    requests: { what: string; headers: Headers }[];
  };
  return [basename(path, '.json'), requests.map(({ headers }) => headers)] as const;
});
/** What does not run here, as its vendor's documents say. */
const VENDORS = JSON.parse(readFileSync('test/fixtures/headers/vendors.json', 'utf8')) as {
  browser: string;
  recorded: boolean;
  source: string;
  headers: Headers;
}[];

describe('a verdict by User-Agent', () => {
  it('is tried on 30 browsers and 50 bots', () => {
    expect(BROWSERS.length).toBeGreaterThanOrEqual(30);
    expect(BOTS.length).toBeGreaterThanOrEqual(50);
  });

  it.each(BROWSERS.map(([userAgent]) => userAgent))('is human for %s', (userAgent) => {
    expect(isbot(userAgent)).toBe(false);
    expect(findingOf({ 'user-agent': userAgent })).toEqual({ verdict: 'human' });
  });

  it.each(BOTS)('is bot for %s', (userAgent, name) => {
    expect(isbot(userAgent)).toBe(true);
    expect(findingOf({ 'user-agent': userAgent })).toEqual({
      verdict: 'bot',
      name,
      reasons: ['user_agent'],
    });
  });

  it('is suspect without one: every browser sends it', () => {
    const finding = { verdict: 'suspect', reasons: ['no_user_agent'] };
    expect(findingOf({})).toEqual(finding);
    expect(findingOf({ 'user-agent': '' })).toEqual(finding);
  });
});

describe('the headers that browsers send', () => {
  const real = RECORDED.filter(
    ([name]) => !name.startsWith('forged') && !name.includes('headless'),
  );

  it('are recorded, headed, headless, over plain HTTP and with hints that were asked for', () => {
    expect(RECORDED.map(([name]) => name).toSorted()).toEqual([
      'chromium-automation',
      'chromium-headed',
      'chromium-headed-accept-ch',
      'chromium-headed-plain-http',
      'chromium-headless',
      'firefox-headed',
      'firefox-headless',
      'forged-firefox',
      'forged-old-chrome',
      'forged-safari',
      'forged-windows-chrome',
    ]);
    expect(real.flatMap(([, sets]) => sets).length).toBeGreaterThan(40);
  });

  it.each([...real, ...RECORDED.filter(([name]) => name === 'firefox-headless')])(
    'hold no contradiction, as they were recorded: %s',
    (_, sets) => {
      expect(sets.map((headers) => findingOf(headers))).toEqual(
        sets.map(() => ({ verdict: 'human' })),
      );
    },
  );

  it.each(VENDORS)(
    'hold no contradiction, as their vendor documents them: $browser',
    ({ headers, recorded, source }) => {
      expect([recorded, source]).toEqual([false, expect.stringMatching(/\w/)]);
      expect(findingOf(headers)).toEqual({ verdict: 'human' });
    },
  );

  it.each(['Chrome', 'Edge', 'Opera', 'Samsung Internet', 'Safari', 'Firefox', 'Brave', 'WebView'])(
    'are there of %s',
    (name) => {
      expect(VENDORS.some(({ browser }) => browser.includes(name))).toBe(true);
    },
  );

  it.each(['Chrome', 'Edge', 'Opera', 'Samsung Internet', 'Firefox'])(
    'are there of %s on phones',
    (name) => {
      const ofPhones = VENDORS.filter(({ headers }) => /Mobile/.test(headers['user-agent'] ?? ''));
      expect(ofPhones.some(({ browser }) => browser.includes(name))).toBe(true);
    },
  );

  it('say so without a window', () => {
    const sets = RECORDED.find(([name]) => name === 'chromium-headless')?.[1] ?? [];
    expect(new Set(sets.map((headers) => JSON.stringify(findingOf(headers))))).toEqual(
      new Set(['{"verdict":"bot","name":"HeadlessChrome","reasons":["user_agent"]}']),
    );
  });

  it.each([
    ['forged-firefox', ['hints_of_another_engine']],
    ['forged-safari', ['hints_of_another_engine']],
    ['forged-windows-chrome', ['platform_mismatch']],
    ['forged-old-chrome', ['headers_of_a_newer_browser']],
  ])('contradict a User-Agent that is another browser’s: %s', (file, reasons) => {
    const sets = RECORDED.find(([name]) => name === file)?.[1] ?? [];
    expect(sets.length).toBeGreaterThan(5);
    for (const headers of sets) {
      expect(findingOf(headers)).toEqual({ verdict: 'suspect', reasons });
    }
  });

  it('contradict a User-Agent of another version', () => {
    const hints = { 'sec-ch-ua': '"Google Chrome";v="120", "Chromium";v="120"' };
    expect(findingOf({ 'user-agent': WINDOWS_CHROME, ...hints })).toEqual({
      verdict: 'suspect',
      reasons: ['version_mismatch'],
    });
  });

  it.each([
    ['sec-ch-ua', '"HeadlessChrome";v="140", "Chromium";v="140"', 'headless'],
    ['from', 'crawler@example.com', 'from'],
    ['signature-agent', '"https://chatgpt.com"', 'signature_agent'],
  ])('mark automation: %s', (header, value, reason) => {
    expect(findingOf({ 'user-agent': WINDOWS_CHROME, [header]: value })).toEqual({
      verdict: 'bot',
      reasons: [reason],
    });
  });
});

describe('BOTS', () => {
  const crawler = { 'user-agent': 'Googlebot/2.1' };

  it('drop does not want the events of bots, and takes those of suspects', () => {
    expect(found(crawler, 'drop')).toMatchObject({ drop: 'bot' });
    expect(found({}, 'drop')).not.toHaveProperty('drop');
    expect(found({ 'user-agent': WINDOWS_CHROME }, 'drop')).not.toHaveProperty('drop');
    expect(found(crawler, 'mark')).not.toHaveProperty('drop');
  });

  it('drop leaves the reason that was there first', () => {
    expect(found(crawler, 'drop', { drop: 'privacy_signal' })).toMatchObject({
      drop: 'privacy_signal',
    });
  });

  it('off says nothing', () => {
    expect(found(crawler, 'off')).toBeUndefined();
    expect(botsWith('off').ofEvent({}, { isFromServer: true })).toBeUndefined();
  });
});

describe('an event that an SDK sent', () => {
  const sdk = (headers: Headers): RequestFacts => ({ ...factsOf(headers), isFromSdk: true });

  it('is judged when it says the User-Agent of its client', () => {
    const { server } = botsWith().ofRequest(sdk({ 'user-agent': WINDOWS_CHROME }), {}) ?? {};
    expect(server).toEqual({ bot: { verdict: 'human' } });
  });

  it('has no verdict without one, and is not dropped', () => {
    expect(botsWith('drop').ofRequest(sdk({ from: 'bot@a.example' }), {})).toBeUndefined();
  });
});

describe('an event that a server sent', () => {
  const sent = { isFromServer: true };

  it('is not judged by the headers of the server', () => {
    expect(found({ 'user-agent': 'analytics-node/2.0' }, 'drop', sent)).toBeUndefined();
  });

  it.each([
    { props: { context: { userAgent: 'Googlebot/2.1' } }, device: { ua: WINDOWS_CHROME } },
    { device: { ua: 'Googlebot/2.1' } },
  ])('is judged by the User-Agent that it has itself: %j', (event) => {
    const bots = botsWith('drop');
    const server = bots.ofEvent(event, sent) ?? {};
    expect(server).toMatchObject({ bot: { verdict: 'bot', name: 'Googlebot' } });
    expect(bots.dropOf(server)).toBe('bot');
  });

  it.each([{}, { props: { context: { userAgent: '' } } }, { props: { context: 7 } }])(
    'has no verdict without one, and is not dropped: %j',
    (event) => {
      const bots = botsWith('drop');
      expect(bots.ofEvent(event, sent)).toBeUndefined();
      expect(bots.dropOf({})).toBeUndefined();
    },
  );

  it('is looked at by itself only when a server sent it', () => {
    const event = { device: { ua: 'Googlebot/2.1' } };
    expect(botsWith('drop').ofEvent(event, {})).toBeUndefined();
  });
});
