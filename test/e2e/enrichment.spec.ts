import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Collector, type LoggedEvent, Workplace } from '../support/servers/collector.js';

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
const HINTS = {
  'user-agent': CHROME,
  'sec-ch-ua': '"Google Chrome";v="140", "Chromium";v="140", "Not=A?Brand";v="24"',
  'sec-ch-ua-mobile': '?0',
  'sec-ch-ua-platform': '"Windows"',
};
const CRAWLER = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
const PAGE = 'url=https%3A%2F%2Fshop.example%2F&ref=https%3A%2F%2Fwww.google.com%2F';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(async () => {
  await workplace.remove();
});

async function pixel(
  collector: Collector,
  query: string,
  headers: Record<string, string>,
): Promise<void> {
  const response = await fetch(`${collector.url}/px.gif?${query}`, { headers });
  await response.arrayBuffer();
  expect(response.status).toBe(200);
}

async function post(
  collector: Collector,
  events: object,
  headers: Record<string, string>,
): Promise<unknown> {
  const response = await fetch(`${collector.url}/collect`, {
    method: 'POST',
    body: JSON.stringify(events),
    headers: { 'content-type': 'application/json', ...headers },
  });
  return response.json();
}

async function logged(collector: Collector): Promise<Map<string, LoggedEvent>> {
  await collector.drained();
  return new Map((await workplace.logged()).map((event) => [event.type, event]));
}

it('says what sent an event, from where, and what for', async () => {
  const collector = await workplace.start();
  await pixel(collector, `e=visit&${PAGE}`, { ...HINTS, 'sec-purpose': 'prefetch;prerender' });
  await pixel(collector, `e=crawl&${PAGE}`, { 'user-agent': CRAWLER });
  await pixel(collector, 'e=forged', { ...HINTS, 'sec-ch-ua-platform': '"Linux"' });
  const events = await logged(collector);
  expect(events.get('visit')?.['server']).toEqual({
    ip: '127.0.0.0',
    client: { browser: 'Chrome', browser_version: '140', os: 'Windows', device: 'desktop' },
    bot: { verdict: 'human' },
    purpose: 'prerender',
    channel: { name: 'search', source: 'Google' },
  });
  expect(events.get('crawl')?.['server']).toEqual({
    ip: '127.0.0.0',
    bot: { verdict: 'bot', name: 'Googlebot', reasons: ['user_agent'] },
    channel: { name: 'search', source: 'Google' },
  });
  expect(events.get('forged')?.['server']).toMatchObject({
    bot: { verdict: 'suspect', reasons: ['platform_mismatch'] },
  });
  expect(await collector.metric('gotrack_bot_events_total', { verdict: 'human' })).toBe(1);
  expect(await collector.metric('gotrack_bot_events_total', { verdict: 'bot' })).toBe(1);
  expect(await collector.metric('gotrack_bot_events_total', { verdict: 'suspect' })).toBe(1);
  expect(await collector.metric('gotrack_enrichment_errors_total', { step: 'bots' })).toBe(0);
});

it('records no bots with BOTS=drop, and says so', async () => {
  const collector = await workplace.start({ BOTS: 'drop' });
  await pixel(collector, 'e=crawl', { 'user-agent': CRAWLER });
  await pixel(collector, 'e=forged', { ...HINTS, 'sec-ch-ua-platform': '"Linux"' });
  expect(await post(collector, [{ type: 'a' }, { type: 7 }], { 'user-agent': CRAWLER })).toEqual({
    status: 'partial',
    accepted: 0,
    dropped: 1,
    rejected: [{ index: 1, errors: ['type: must be a string'] }],
  });
  expect([...(await logged(collector)).keys()]).toEqual(['forged']);
  expect(await collector.metric('gotrack_events_dropped_total', { reason: 'bot' })).toBe(2);
  expect(await collector.metric('gotrack_bot_events_total', { verdict: 'bot' })).toBe(2);
  expect(await workplace.deadLetters('rejected')).toEqual([]);
});

it('judges what a server sends by what its events say, and drops none without it', async () => {
  const collector = await workplace.start({ BOTS: 'drop', INGEST_API_KEYS: 'api:k:server' });
  const context = (userAgent: string) => ({ context: { userAgent } });
  const answer = await post(
    collector,
    [
      { type: 'person', ...context(CHROME), route: { domain: 'shop.example' } },
      { type: 'crawler', ...context(CRAWLER) },
      { type: 'unknown' },
    ],
    { 'user-agent': 'node', authorization: 'Bearer k', 'sec-purpose': 'prefetch' },
  );
  expect(answer).toEqual({ status: 'ok', accepted: 2, dropped: 1 });
  const events = await logged(collector);
  expect([...events.keys()]).toEqual(['person', 'unknown']);
  expect(events.get('person')?.['server']).toEqual({
    source: 'api',
    client: { browser: 'Chrome', browser_version: '140', os: 'Windows', device: 'desktop' },
    bot: { verdict: 'human' },
    channel: { name: 'direct' },
  });
  expect(events.get('unknown')?.['server']).toEqual({ source: 'api' });
  expect(events.get('unknown')).not.toHaveProperty('device');
  expect(await collector.metric('gotrack_events_received_total', { endpoint: '/collect' })).toBe(3);
  expect(await collector.metric('gotrack_events_accepted_total', { endpoint: '/collect' })).toBe(2);
  expect(await collector.metric('gotrack_events_dropped_total', { reason: 'bot' })).toBe(1);
});

it('adds nothing of it when it is told so', async () => {
  const collector = await workplace.start({
    ENRICH_USER_AGENT: 'false',
    BOTS: 'off',
    ENRICH_CHANNEL: 'false',
  });
  await pixel(collector, `e=visit&${PAGE}`, HINTS);
  expect((await logged(collector)).get('visit')?.['server']).toEqual({ ip: '127.0.0.0' });
  expect(await collector.metric('gotrack_bot_events_total', { verdict: 'human' })).toBe(0);
});
