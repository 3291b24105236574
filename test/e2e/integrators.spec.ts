import { readdir, readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { balancedBooks } from '../support/load/books.js';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { ask, type ClientAnswer } from '../support/servers/signing-client.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

interface Validation {
  readonly [field: string]: unknown;
  readonly events: readonly Record<string, unknown>[];
}

function validate(
  { port }: Collector,
  body: string | Buffer,
  headers: Record<string, string> = {},
  query = '',
): Promise<ClientAnswer> {
  return ask(port, `/collect/validate${query}`, { body, headers: { ...JSON_TYPE, ...headers } });
}

const parsed = ({ body }: ClientAnswer): Validation => JSON.parse(body) as Validation;

describe('POST /collect/validate', () => {
  it('answers what /collect would, with each event as it would be stored but for server', async () => {
    const collector = await workplace.start({ VALIDATE: 'true', SANITIZE_PARAMS: 'secret' });
    const body = JSON.stringify([
      { event_id: 'a', ts: '2001-01-01T00:00:00Z', kind: 'x', url: { raw_query: 'utm_source=s' } },
      { type: 7 },
      {
        event_id: 'b',
        type: 'né\0',
        props: { big: 1, secret: 'hidden' },
        server: { ip: '1.2.3.4' },
      },
    ]).replace('"big":1', '"big":12345678901234567890');
    const answer = await validate(collector, body, { 'User-Agent': 'agent/1' });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.headers['x-gotrack-accepted']).toBeUndefined();
    const { events, ...told } = parsed(answer);
    const sent = await ask(collector.port, '/collect', {
      body,
      headers: { ...JSON_TYPE, 'User-Agent': 'agent/1' },
    });
    expect(told).toEqual(JSON.parse(sent.body));
    expect(told).toMatchObject({ status: 'partial', accepted: 2, rejected: [{ index: 1 }] });
    expect(answer.body).toContain('"big":12345678901234567890');
    await collector.drained();
    const stored = await workplace.logged();
    const timeless = (all: readonly Record<string, unknown>[]): string[] =>
      all.map((event) =>
        JSON.stringify(event, (name, value: unknown) => {
          const isTime = name === 'received_at' || name === 'ts';
          return isTime ? typeof value : name === 'server' ? undefined : value;
        }),
      );
    expect(timeless(events)).toEqual(timeless(stored));
    expect(events.every((event) => !('server' in event))).toBe(true);
    expect(stored.every((event) => 'server' in event)).toBe(true);
  });

  it('says 200 where /collect refuses all events, with what it would say', async () => {
    const collector = await workplace.start({ VALIDATE: 'true' });
    const answer = await validate(collector, '[{"type":7},5]');
    expect(answer.status).toBe(200);
    const sent = await ask(collector.port, '/collect', {
      body: '[{"type":7},5]',
      headers: JSON_TYPE,
    });
    expect(sent.status).toBe(400);
    expect(parsed(answer)).toEqual({ ...JSON.parse(sent.body), events: [] });
  });

  it('says nothing of events that the operator asked to drop but their number', async () => {
    const collector = await workplace.start({ VALIDATE: 'true', PRIVACY_SIGNALS: 'drop' });
    const answer = await validate(collector, '[{},{"type":7}]', { DNT: '1' });
    expect(parsed(answer)).toMatchObject({
      status: 'partial',
      accepted: 0,
      dropped: 1,
      events: [],
    });
  });

  it('reads bodies as /collect does, and refuses the same ones', async () => {
    const collector = await workplace.start({ VALIDATE: 'true', MAX_BATCH_EVENTS: '2' });
    const lines = await validate(collector, '{"type":"a"}\n\nno JSON\n', {
      'Content-Type': 'application/x-ndjson',
    });
    expect(parsed(lines)).toMatchObject({
      status: 'partial',
      rejected: [{ index: 1 }],
      events: [{ type: 'a' }],
    });
    const zipped = await validate(collector, gzipSync('{"type":"z"}'), {
      'Content-Encoding': 'gzip',
    });
    expect(parsed(zipped).events).toMatchObject([{ type: 'z' }]);
    const codes = [
      await validate(collector, '{'),
      await validate(collector, '[{},{},{}]'),
      await validate(collector, '{}', { 'Content-Type': 'text/html' }),
    ].map((answer) => [answer.status, parsed(answer)['code']]);
    expect(codes).toEqual([
      [400, 'GT_MALFORMED_JSON'],
      [413, 'GT_TOO_MANY_EVENTS'],
      [415, 'GT_UNSUPPORTED_MEDIA_TYPE'],
    ]);
  });

  it('answers more than a turn of the event loop holds', async () => {
    const collector = await workplace.start({ VALIDATE: 'true' });
    const body = JSON.stringify(
      Array.from({ length: 1000 }, (_, n) => ({ props: { n, text: 'x'.repeat(500) } })),
    );
    const { events } = parsed(await validate(collector, body));
    expect(events.map(({ props }) => (props as { n: number }).n)).toEqual(
      Array.from({ length: 1000 }, (_, n) => n),
    );
  });

  it('admits whom /collect admits, and limits them together', async () => {
    const collector = await workplace.start({
      VALIDATE: 'true',
      INGEST_API_KEYS: 'shop:k1',
      REQUIRE_API_KEY: 'true',
      SOURCE_RATE_LIMITS: 'shop:3',
      CORS_ORIGINS: 'https://shop.example',
    });
    expect((await validate(collector, '{}')).status).toBe(401);
    expect((await validate(collector, '{}', { Origin: 'https://evil.example' })).status).toBe(403);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => validate(collector, '{}', {}, '?gt_key=k1')),
    );
    const statuses = new Set(answers.map(({ status }) => status));
    expect(statuses).toEqual(new Set([200, 429]));
    expect(answers.some(({ body }) => body.includes('gt_key') || body.includes('k1'))).toBe(false);
    expect(await collector.metric('gotrack_requests_denied_total', { reason: 'key' })).toBe(1);
  });

  it('stores and counts nothing but the request', async () => {
    const collector = await workplace.start({ VALIDATE: 'true', INGEST_API_KEYS: 'shop:k1' });
    await validate(collector, '[{"type":"one"},{"type":7}]', { Authorization: 'Bearer k1' });
    await validate(collector, '[{"type":7}]');
    const { endpoints } = await balancedBooks(collector);
    expect(endpoints.get('/collect')).toMatchObject({ received: 0, accepted: 0 });
    expect(await collector.metric('gotrack_source_events_accepted_total')).toBe(0);
    expect(
      await collector.metric('gotrack_http_requests_total', {
        endpoint: '/collect/validate',
        method: 'POST',
        status: '200',
      }),
    ).toBe(2);
    expect(await collector.metric('gotrack_http_requests_total')).toBe(2);
    await collector.stop();
    expect(await workplace.logged()).toEqual([]);
    const names = await readdir(workplace.path('data'), { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name)).not.toContain('rejected.ndjson');
    for (const { parentPath, name } of files) {
      expect(await readFile(`${parentPath}/${name}`, 'latin1')).not.toContain('"one"');
    }
  });

  it('is there only with VALIDATE=true', async () => {
    const collector = await workplace.start({ HMAC_SECRET: 'a secret of 32 characters or more' });
    const path = '/collect/validate';
    for (const headers of [{}, { 'X-GoTrack-HMAC': 'tracking' }]) {
      const answer = await validate(collector, '{}', headers);
      expect(answer.status).toBe(404);
      expect(parsed(answer)).toMatchObject({ code: 'GT_NOT_FOUND' });
    }
    expect((await ask(collector.port, path, { method: 'GET' })).status).toBe(404);
    expect(await collector.metric('gotrack_http_requests_total', { status: '404' })).toBe(3);
  });

  it('names the method that it has', async () => {
    const collector = await workplace.start({ VALIDATE: 'true' });
    const answer = await ask(collector.port, '/collect/validate', { method: 'GET' });
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'POST, OPTIONS' } });
  });
});

describe('TEST_MODE=true', () => {
  it('sends five sample events through the intake, and warns', async () => {
    const collector = await workplace.start({ TEST_MODE: 'true' });
    await until(async () => (await collector.metric('gotrack_events_accepted_total')) === 5);
    await collector.drained();
    const stored = await workplace.logged();
    expect(stored).toHaveLength(5);
    expect(new Set(stored.map(({ type }) => type)).size).toBe(5);
    expect(new Set(stored.map(({ event_id }) => event_id)).size).toBe(5);
    expect(stored.every(({ props }) => props?.['sample'] === true)).toBe(true);
    expect(collector.log.filter((line) => line.includes('"warn"')).join('\n')).toContain(
      'TEST_MODE=true sends five sample events',
    );
    await balancedBooks(collector);
  });

  it('is off by default', async () => {
    const collector = await workplace.start();
    expect(await collector.metric('gotrack_events_accepted_total')).toBe(0);
    expect(collector.log.join('\n')).not.toContain('TEST_MODE');
  });
});
