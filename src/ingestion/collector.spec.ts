import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { type DynamicModule, Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { EncodedEvent } from '../event/stored-event.js';
import { PipelineObserver } from '../metrics/pipeline-observer.js';
import { DeadLetterRequests } from '../disk/dead-letter-requests.js';
import { EventQueue, QueueFullError, QueueUnavailableError } from '../queueing/event-queue.js';
import { RejectedRing } from './rejected/rejected-ring.js';
import { AdmissionOptions } from './admission/admission.options.js';
import { BodyBudget } from './body/body-budget.js';
import { Bots } from './enrichment/bots.js';
import { EnrichmentOptions } from './enrichment/enrichment.options.js';
import { createCollectorAdapter } from './collector-adapter.js';
import { GeoOptions } from './enrichment/places/geo.options.js';
import { IngestionModule } from './ingestion.module.js';
import { HttpOptions } from '../http/http.options.js';
import { IngestionOptions, type PrivacyMode } from './ingestion.options.js';
import { PathsOptions } from './paths.options.js';
import { SchemasOptions } from './schemas/schemas.options.js';

class RecordingQueue extends EventQueue {
  override readonly state = 'accepting';
  override readonly failure = undefined;
  override overloaded = false;
  readonly events: Record<string, unknown>[] = [];
  refusal: Error | undefined;
  appends = 0;
  /** Settles what is appended; at once unless a test holds it. */
  gate: Promise<void> = Promise.resolve();

  override async append(events: readonly EncodedEvent[]): Promise<void> {
    this.appends += 1;
    await this.gate;
    if (this.refusal) {
      throw this.refusal;
    }
    this.events.push(
      ...events.map((json) => JSON.parse(json.toString()) as Record<string, unknown>),
    );
  }
}

/** What was reported, summed up by `fact endpoint reason`. */
class RecordingObserver {
  readonly reported: Record<string, number> = {};

  eventsReceived = (endpoint: string, count: number) => this.report(`received ${endpoint}`, count);
  eventsAccepted = (endpoint: string, count: number) => this.report(`accepted ${endpoint}`, count);
  eventsRejected = (endpoint: string, reason: string, count: number) =>
    this.report(`rejected ${endpoint} ${reason}`, count);
  eventsRefused = (endpoint: string, reason: string, count: number) =>
    this.report(`refused ${endpoint} ${reason}`, count);
  eventsLocated = () => undefined;
  requestDenied = (reason: string) => this.report(`denied ${reason}`, 1);
  botsJudged = (verdict: string, count: number) => this.report(`judged ${verdict}`, count);
  enrichmentStepsNamed = (): void => {};
  enrichmentFailed = (step: string) => this.report(`failed ${step}`, 1);
  eventsDropped = (reason: string, count: number) => this.report(`dropped ${reason}`, count);

  private report(fact: string, count: number): void {
    if (count > 0) {
      this.reported[fact] = (this.reported[fact] ?? 0) + count;
    }
  }
}

class RecordingRing {
  flush = () => Promise.resolve();
  readonly replayPath = join(tmpdir(), 'gotrack-nothing', 'rejected.replaying');
  readonly kept: { readonly reason: string }[] = [];
  keep = (lines: readonly Buffer[]) =>
    this.kept.push(...lines.map((line) => JSON.parse(line.toString()) as { reason: string }));
}

interface Options {
  readonly maxBodyBytes?: number;
  readonly maxBatchEvents?: number;
  readonly maxEventBytes?: number;
  readonly privacySignals?: PrivacyMode;
  readonly sanitizeParams?: readonly string[];
  readonly corsOrigins?: readonly string[];
  readonly trustProxy?: boolean | readonly string[];
  /** Without it, only what the request cannot do without is looked at. */
  readonly enrichment?: Partial<EnrichmentOptions>;
  readonly maxBodyBytesInFlight?: number;
  readonly maxBodyHeldMs?: number;
}

const running: NestFastifyApplication[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.close()));
});

async function startCollector({
  enrichment = { enrichUserAgent: false, bots: 'off', enrichChannel: false },
  maxBodyBytesInFlight,
  maxBodyHeldMs,
  ...given
}: Options = {}) {
  const { corsOrigins = ['*'], trustProxy = false, ...ingestion } = given;
  const httpOptions = Object.assign(new HttpOptions(), { corsOrigins, trustProxy });
  const queue = new RecordingQueue();
  const observer = new RecordingObserver();
  const ring = new RecordingRing();
  const outside = [
    {
      provide: getConfigToken(IngestionOptions.key),
      useValue: Object.assign(new IngestionOptions(), ingestion),
    },
    { provide: getConfigToken(HttpOptions.key), useValue: httpOptions },
    {
      provide: getConfigToken(EnrichmentOptions.key),
      useValue: Object.assign(new EnrichmentOptions(), enrichment),
    },
    { provide: getConfigToken(AdmissionOptions.key), useValue: new AdmissionOptions() },
    { provide: getConfigToken(PathsOptions.key), useValue: new PathsOptions() },
    { provide: getConfigToken(SchemasOptions.key), useValue: new SchemasOptions() },
    { provide: EventQueue, useValue: queue },
    {
      provide: getConfigToken(GeoOptions.key),
      useValue: Object.assign(new GeoOptions(), { databases: ['off'] }),
    },
    { provide: PipelineObserver, useValue: observer },
    { provide: DeadLetterRequests, useValue: new DeadLetterRequests(dirname(ring.replayPath)) },
  ];

  @Module({})
  class OutsideModule {}
  @Module({})
  class AppModule {}
  const root: DynamicModule = {
    module: AppModule,
    imports: [
      {
        module: OutsideModule,
        global: true,
        providers: outside,
        exports: outside.map(({ provide }) => provide),
      },
      {
        module: IngestionModule,
        providers: [
          { provide: RejectedRing, useValue: ring },
          {
            provide: BodyBudget,
            useValue: new BodyBudget(
              maxBodyBytesInFlight ?? Number.MAX_SAFE_INTEGER,
              maxBodyHeldMs ?? 60_000,
            ),
          },
        ],
      },
    ],
  };
  const adapter = createCollectorAdapter(httpOptions, {
    maxConnections: 1000,
    closingGraceMs: 2_000,
  });
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    bodyParser: false,
    logger: false,
    abortOnError: false,
  });
  running.push(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { app, queue, observer, ring, budget: app.get(BodyBudget), port };
}

type Collector = Awaited<ReturnType<typeof startCollector>>;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly json: Record<string, unknown>;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer | undefined;
}

async function open(
  { port }: Collector,
  path: string,
  { method = 'GET', headers = {}, body }: Sent = {},
): Promise<IncomingMessage> {
  const outgoing = httpRequest({ port, host: '127.0.0.1', path, method, headers, agent: false });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response;
}

async function send(collector: Collector, path: string, sent?: Sent): Promise<Answer> {
  const response = await open(collector, path, sent);
  const answer = await text(response);
  const isJson = response.headers['content-type']?.startsWith('application/json') ?? false;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: answer,
    json: isJson && answer !== '' ? (JSON.parse(answer) as Record<string, unknown>) : {},
  };
}

function collect(
  collector: Collector,
  body: string | Buffer,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<Answer> {
  return send(collector, '/collect', { method: 'POST', body, headers });
}

function dial({ port }: Collector): Socket {
  return connect(port, '127.0.0.1');
}

const NDJSON = { 'content-type': 'application/x-ndjson' };

describe('POST /collect', () => {
  it('answers 202 once an event is durable', async () => {
    const collector = await startCollector();
    const disk = Promise.withResolvers<void>();
    collector.queue.gate = disk.promise;
    let answered = false;
    const answer = collect(collector, '{"type":"click"}').then((value) => {
      answered = true;
      return value;
    });
    // Another request on the same process goes through while this one waits for the disk.
    await send(collector, '/nothing');
    expect(answered).toBe(false);
    disk.resolve();
    expect(await answer).toMatchObject({
      status: 202,
      json: { status: 'ok', accepted: 1 },
      headers: { 'x-gotrack-accepted': '1' },
    });
    expect(collector.queue.events).toEqual([expect.objectContaining({ type: 'click' })]);
    expect(collector.observer.reported).toEqual({ 'received /collect': 1, 'accepted /collect': 1 });
  });

  it.each([
    ['an object', '{"type":"a"}', {}, 1],
    ['an array', '[{"type":"a"},{"type":"b"}]', { 'content-type': 'application/json' }, 2],
    ['a body without Content-Type', '[{"type":"a"}]', {}, 1],
    ['a parameter of the type', '{}', { 'content-type': 'application/json; charset=UTF-8' }, 1],
    ['what sendBeacon sends', '{}', { 'content-type': 'text/plain;charset=UTF-8' }, 1],
    ['NDJSON', '{"type":"a"}\n\r\n  \n{"type":"b"}\r\n{"type":"c"}', NDJSON, 3],
    ['a byte order mark', '\uFEFF{"type":"a"}', {}, 1],
    ['chunked transfer', '{"type":"a"}', { 'transfer-encoding': 'chunked' }, 1],
  ])('takes %s', async (_, body, headers, accepted) => {
    const collector = await startCollector();
    const answer = await collect(collector, body, headers);
    expect(answer).toMatchObject({ status: 202, json: { status: 'ok', accepted } });
    expect(collector.queue.events).toHaveLength(accepted);
  });

  const event = Buffer.from('{"type":"zipped"}');
  it.each([
    ['gzip', gzipSync(event)],
    ['x-gzip', gzipSync(event)],
    ['GZIP', gzipSync(event)],
    ['deflate', deflateSync(event)],
    ['deflate', deflateRawSync(event)],
    ['br', brotliCompressSync(event)],
    ['identity', event],
  ])('takes Content-Encoding %s', async (encoding, body) => {
    const collector = await startCollector();
    const answer = await collect(collector, body, { 'content-encoding': encoding });
    expect(answer).toMatchObject({ status: 202, json: { accepted: 1 } });
    expect(collector.queue.events).toEqual([expect.objectContaining({ type: 'zipped' })]);
  });

  it('takes the valid events of a batch and names the others by their place', async () => {
    const collector = await startCollector();
    const answer = await collect(collector, '[{"type":"a"},7,{"type":"b"},{"type":8}]');
    expect(answer).toMatchObject({
      status: 202,
      headers: { 'x-gotrack-accepted': '2' },
      json: {
        status: 'partial',
        accepted: 2,
        rejected: [
          { index: 1, errors: [expect.any(String)] },
          { index: 3, errors: [expect.stringMatching(/^type: /)] },
        ],
      },
    });
    expect(collector.queue.events.map(({ type }) => type)).toEqual(['a', 'b']);
    expect(collector.observer.reported).toEqual({
      'received /collect': 4,
      'accepted /collect': 2,
      'rejected /collect not_an_object': 1,
      'rejected /collect schema': 1,
    });
    expect(collector.ring.kept.map(({ reason }) => reason)).toEqual(['not_an_object', 'schema']);
  });

  it('rejects a malformed line of NDJSON alone, and does not count blank lines', async () => {
    const collector = await startCollector();
    const answer = await collect(collector, '\n{"type":"a"}\n\n{"typ\n{"type":"b"}\n', NDJSON);
    expect(answer).toMatchObject({
      status: 202,
      json: { status: 'partial', accepted: 2, rejected: [{ index: 1 }] },
    });
    expect(collector.observer.reported).toMatchObject({ 'rejected /collect malformed': 1 });
  });

  it('answers 400 with every reason when no event is valid', async () => {
    const collector = await startCollector();
    const answer = await collect(collector, '[{"type":1},null]');
    expect(answer).toMatchObject({
      status: 400,
      json: {
        statusCode: 400,
        code: 'GT_ALL_REJECTED',
        message: expect.any(String),
        status: 'rejected',
        accepted: 0,
        rejected: [{ index: 0 }, { index: 1 }],
      },
    });
    expect(collector.queue.events).toEqual([]);
    expect(collector.observer.reported).toMatchObject({ 'received /collect': 2 });
  });

  it.each([
    ['over MAX_EVENT_BYTES', { props: { x: 'x'.repeat(2000) } }, 'too_large'],
    ['nested too deep', { props: nested(40) }, 'too_deep'],
    [
      'of too many fields',
      { props: Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [`f${n}`, 1])) },
      'too_many_fields',
    ],
    ['of too long a type', { type: 't'.repeat(129) }, 'type_too_long'],
  ])('rejects one event %s and takes its neighbour', async (_, bad, reason) => {
    const collector = await startCollector({ maxEventBytes: 1024 });
    const answer = await collect(collector, JSON.stringify([bad, { type: 'good' }]));
    expect(answer).toMatchObject({ status: 202, json: { accepted: 1, rejected: [{ index: 0 }] } });
    expect(collector.observer.reported).toMatchObject({ [`rejected /collect ${reason}`]: 1 });
  });

  it.each<[string, string | Buffer, Record<string, string>, number, string]>([
    ['malformed JSON', '{"a":}', {}, 400, 'GT_MALFORMED_JSON'],
    ['a scalar', '7', {}, 400, 'GT_NOT_AN_EVENT'],
    ['null', 'null', {}, 400, 'GT_NOT_AN_EVENT'],
    ['an empty array', '[]', {}, 400, 'GT_NO_EVENTS'],
    ['NDJSON of blank lines', '\n \r\n', NDJSON, 400, 'GT_NO_EVENTS'],
    ['no body', '', {}, 400, 'GT_EMPTY_BODY'],
    ['an empty body of a type', '', NDJSON, 400, 'GT_EMPTY_BODY'],
    ['an unknown encoding', '{}', { 'content-encoding': 'zstd' }, 400, 'GT_BAD_ENCODING'],
    [
      'stacked encodings',
      gzipSync(gzipSync('{}')),
      { 'content-encoding': 'gzip, gzip' },
      400,
      'GT_BAD_ENCODING',
    ],
    [
      'truncated gzip',
      gzipSync('{"type":"a"}').subarray(0, -9),
      { 'content-encoding': 'gzip' },
      400,
      'GT_CORRUPT_BODY',
    ],
    [
      'truncated brotli',
      brotliCompressSync('{"type":"a"}').subarray(0, -3),
      { 'content-encoding': 'br' },
      400,
      'GT_CORRUPT_BODY',
    ],
    ['what is not deflate', 'plain', { 'content-encoding': 'deflate' }, 400, 'GT_CORRUPT_BODY'],
    ['another type', '{}', { 'content-type': 'application/xml' }, 415, 'GT_UNSUPPORTED_MEDIA_TYPE'],
    [
      'a form',
      'a=b',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'GT_UNSUPPORTED_MEDIA_TYPE',
    ],
    ['a broken type', '{}', { 'content-type': 'json' }, 415, 'GT_UNSUPPORTED_MEDIA_TYPE'],
    [
      'another charset',
      '{}',
      { 'content-type': 'text/plain; charset="latin1"' },
      415,
      'GT_UNSUPPORTED_MEDIA_TYPE',
    ],
    ['a body over the bound', 'x'.repeat(5000), {}, 413, 'GT_BODY_TOO_LARGE'],
    [
      'a chunked body over the bound',
      'x'.repeat(5000),
      { 'transfer-encoding': 'chunked' },
      413,
      'GT_BODY_TOO_LARGE',
    ],
    [
      'a bomb',
      gzipSync('x'.repeat(100_000)),
      { 'content-encoding': 'gzip' },
      413,
      'GT_BODY_TOO_LARGE',
    ],
    ['too many events', '[{},{},{},{}]', {}, 413, 'GT_TOO_MANY_EVENTS'],
    ['too many lines', '{}\n{}\n{}\n{', NDJSON, 413, 'GT_TOO_MANY_EVENTS'],
  ])('refuses %s', async (_, body, headers, status, code) => {
    const collector = await startCollector({ maxBodyBytes: 4096, maxBatchEvents: 3 });
    const answer = await collect(collector, body, headers);
    expect(answer).toMatchObject({ status, json: { statusCode: status, code } });
    expect(answer.json['message']).toMatch(/.{10}/);
    expect(collector.observer.reported).toEqual({});
    expect(collector.budget.usedBytes).toBe(0);
    expect(await collect(collector, '{}')).toMatchObject({ status: 202 });
  });

  it('says where JSON breaks without repeating it', async () => {
    const { json } = await collect(await startCollector(), '{"secret": undefined}');
    expect(json['message']).toMatch(/at position 11$/);
    expect(json['message']).not.toMatch(/secret|undefined/);
  });

  it('answers 413 to a large upload that is sent to its end, and serves the connection afterwards', async () => {
    const collector = await startCollector({ maxBodyBytes: 4096 });
    const socket = dial(collector);
    const body = 'x'.repeat(3_000_000);
    socket.write(
      `POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    socket.write(
      'POST /collect HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}',
    );
    const answers = await text(socket);
    expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 202']);
  });

  it.each([
    [new QueueFullError(), 'GT_QUEUE_FULL', 'queue_full'],
    [new QueueUnavailableError('disk', 'EIO on /secret/path'), 'GT_DISK', 'disk'],
    [new QueueUnavailableError('draining', 'closing'), 'GT_DRAINING', 'draining'],
  ])('answers 503 when the queue takes nothing: %s', async (failure, code, reason) => {
    const collector = await startCollector();
    collector.queue.refusal = failure;
    for (const endpoint of ['/collect', '/px.gif']) {
      const answer =
        endpoint === '/collect'
          ? await collect(collector, '[{},{},9]')
          : await send(collector, endpoint);
      expect(answer).toMatchObject({
        status: 503,
        json: { code },
        headers: { 'retry-after': expect.stringMatching(/^[1-9]$/) },
      });
      expect(answer.text).not.toContain('/secret/path');
    }
    expect(collector.observer.reported).toEqual({
      'received /collect': 3,
      'rejected /collect not_an_object': 1,
      [`refused /collect ${reason}`]: 2,
      'received /px.gif': 1,
      [`refused /px.gif ${reason}`]: 1,
    });
  });

  it('answers an unexpected failure with 500 and no details, and the sums still agree', async () => {
    const collector = await startCollector();
    collector.queue.refusal = new TypeError('x is not a function');
    const answer = await collect(collector, '{}');
    expect(answer).toMatchObject({ status: 500, json: { code: 'GT_INTERNAL' } });
    expect(answer.text).not.toContain('not a function');
    expect(collector.observer.reported).toEqual({
      'received /collect': 1,
      'refused /collect disk': 1,
    });
  });
});

describe('a body with a large event', () => {
  it.each(['/collect', '/v1/track'])('asks the enrichment once at %s', async (path) => {
    const collector = await startCollector({ enrichment: { bots: 'mark' } });
    vi.spyOn(collector.app.get(Bots, { strict: false }), 'ofRequest').mockImplementation(() => {
      throw new Error('broken');
    });
    const body = JSON.stringify({ event: 'a', properties: {}, server: 'x'.repeat(100_000) });
    await send(collector, path, { method: 'POST', body });
    expect(collector.observer.reported['failed bots']).toBe(1);
  });
});

describe('GET /px.gif', () => {
  it('answers with a transparent pixel that nobody caches, and stores its event', async () => {
    const collector = await startCollector();
    const answer = await send(collector, '/px.gif?e=signup&uid=u1&plan=pro&plan=free');
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'image/gif',
        'content-length': '42',
        'cache-control': 'no-store, no-cache, must-revalidate, max-age=0',
        pragma: 'no-cache',
        expires: '0',
        'access-control-allow-origin': '*',
      },
    });
    expect(collector.queue.events).toEqual([
      expect.objectContaining({
        type: 'signup',
        session: { visitor_id: 'u1' },
        props: { plan: ['pro', 'free'] },
        server: { ip: '127.0.0.0' },
      }),
    ]);
    expect(collector.observer.reported).toEqual({ 'received /px.gif': 1, 'accepted /px.gif': 1 });
  });

  it('sends the bytes of a GIF', async () => {
    const response = await open(await startCollector(), '/px.gif');
    const bytes = await buffer(response);
    expect(bytes.subarray(0, 10).toString('latin1')).toBe('GIF89a\u0001\0\u0001\0');
    expect(bytes).toHaveLength(42);
    expect(bytes.at(-1)).toBe(0x3b);
  });

  it('stores the event of HEAD too, and sends no body', async () => {
    const collector = await startCollector();
    const answer = await send(collector, '/px.gif?e=x', { method: 'HEAD' });
    expect(answer).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-type': 'image/gif' },
    });
    expect(collector.queue.events).toHaveLength(1);
  });

  it('answers 400 to an event that is invalid', async () => {
    const answer = await send(await startCollector(), `/px.gif?e=${'e'.repeat(200)}`);
    expect(answer).toMatchObject({
      status: 400,
      json: { code: 'GT_ALL_REJECTED', rejected: [{ index: 0 }] },
    });
  });

  it('takes a query that is not well encoded as it stands', async () => {
    const collector = await startCollector();
    expect(await send(collector, '/px.gif?a=%zz&b=%&=&__proto__=p')).toMatchObject({ status: 200 });
    expect(collector.queue.events[0]?.['props']).toMatchObject({ a: '%zz', b: '%' });
  });

  it('strips the parameters of SANITIZE_PARAMS', async () => {
    const collector = await startCollector({ sanitizeParams: ['email'] });
    await send(collector, '/px.gif?Email=a%40b.c&x=1');
    expect(collector.queue.events).toEqual([expect.objectContaining({ props: { x: '1' } })]);
  });
});

describe('privacy signals', () => {
  const signals = [{ dnt: '1' }, { 'sec-gpc': '1' }];

  it.each(signals)('leave out session and address by default: %o', async (signal) => {
    const collector = await startCollector();
    await collect(
      collector,
      '[{"session":{"visitor_id":"v"}},{"type":1,"session":{"visitor_id":"v"}}]',
      signal,
    );
    expect(collector.queue.events).toHaveLength(1);
    expect(JSON.stringify([collector.queue.events, collector.ring.kept])).not.toMatch(
      /visitor_id|127\.0/,
    );
  });

  it.each(signals)('drop the events when asked to, and say so: %o', async (signal) => {
    const collector = await startCollector({ privacySignals: 'drop' });
    const answer = await collect(collector, '[{},{"type":1}]', signal);
    expect(answer).toMatchObject({
      status: 202,
      headers: { 'x-gotrack-accepted': '0' },
      json: { status: 'partial', accepted: 0, dropped: 1, rejected: [{ index: 1 }] },
    });
    expect(await send(collector, '/px.gif', { headers: signal })).toMatchObject({ status: 200 });
    expect(collector.queue.events).toEqual([]);
    expect(collector.ring.kept).toEqual([]);
    expect(collector.observer.reported).toEqual({
      'received /collect': 2,
      'rejected /collect schema': 1,
      'received /px.gif': 1,
      'dropped privacy_signal': 2,
    });
  });

  it('are ignored when the operator says so', async () => {
    const collector = await startCollector({ privacySignals: 'ignore' });
    await send(collector, '/px.gif?uid=u', { headers: { dnt: '1' } });
    expect(collector.queue.events).toEqual([
      expect.objectContaining({ session: { visitor_id: 'u' }, server: { ip: '127.0.0.0' } }),
    ]);
  });
});

describe('addresses and methods', () => {
  it.each(['/', '/metrics', '/collect/', '/COLLECT', '/collect/x', '/px.gifx'])(
    'answers 404 on %s',
    async (path) => {
      const answer = await send(await startCollector(), path, { method: 'POST', body: '{}' });
      expect(answer).toMatchObject({
        status: 404,
        json: { statusCode: 404, code: 'GT_NOT_FOUND' },
      });
    },
  );

  it.each([
    ['GET', '/collect', 'POST, OPTIONS'],
    ['PUT', '/collect?x=1', 'POST, OPTIONS'],
    ['POST', '/px.gif', 'GET, HEAD, OPTIONS'],
    ['PROPFIND', '/px.gif', 'GET, HEAD, OPTIONS'],
  ])('answers 405 to %s %s', async (method, path, allow) => {
    const answer = await send(await startCollector(), path, {
      method,
      headers: { 'content-type': 'not a type' },
    });
    expect(answer).toMatchObject({
      status: 405,
      json: { code: 'GT_METHOD_NOT_ALLOWED' },
      headers: { allow },
    });
  });

  it('sends no body with an error of HEAD', async () => {
    const collector = await startCollector();
    expect(await send(collector, '/nothing', { method: 'HEAD' })).toMatchObject({
      status: 404,
      text: '',
    });
    expect(await send(collector, '/collect', { method: 'HEAD' })).toMatchObject({
      status: 405,
      text: '',
    });
  });

  it('answers 400 to a malformed path', async () => {
    expect(await send(await startCollector(), '/%zz')).toMatchObject({
      status: 400,
      json: { statusCode: 400, code: 'GT_BAD_URL' },
    });
  });

  it('does not read the body of what it answers 404', async () => {
    const collector = await startCollector({ maxBodyBytes: 4096 });
    const answer = await send(collector, '/nothing', { method: 'POST', body: 'x'.repeat(100_000) });
    expect(answer).toMatchObject({ status: 404 });
  });
});

describe('CORS', () => {
  const preflight = {
    origin: 'https://shop.example',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type,x-own',
  };

  it('allows any origin without credentials by default', async () => {
    const collector = await startCollector();
    const answer = await send(collector, '/collect', { method: 'OPTIONS', headers: preflight });
    expect(answer).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, HEAD, POST',
        'access-control-allow-headers': 'content-type,x-own',
        'access-control-max-age': '86400',
      },
    });
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
    expect(await collect(collector, '7', { origin: preflight.origin })).toMatchObject({
      status: 400,
      headers: {
        'access-control-allow-origin': '*',
        'access-control-expose-headers': 'X-Gotrack-Accepted, Retry-After',
      },
    });
  });

  it('allows listed origins with credentials, and no others', async () => {
    const collector = await startCollector({
      corsOrigins: ['https://shop.example', 'https://b.example'],
    });
    const listed = await collect(collector, '{}', { origin: 'https://b.example' });
    expect(listed.headers).toMatchObject({
      'access-control-allow-origin': 'https://b.example',
      'access-control-allow-credentials': 'true',
      vary: expect.stringMatching(/origin/i),
    });
    const other = await collect(collector, '{}', { origin: 'https://evil.example' });
    expect(other.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('never allows credentials when * is among the origins', async () => {
    const collector = await startCollector({ corsOrigins: ['https://shop.example', '*'] });
    const { headers } = await collect(collector, '{}', { origin: 'https://shop.example' });
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
  });

  it('answers the preflight of any path', async () => {
    expect(await send(await startCollector(), '/nothing', { method: 'OPTIONS' })).toMatchObject({
      status: 204,
    });
  });
});

describe('bodies in flight', () => {
  it('are refused beyond their bound, whether announced or not, and their room comes back', async () => {
    const collector = await startCollector({ maxBodyBytesInFlight: 10_000 });
    collector.queue.gate = new Promise(() => {});
    const slow = dial(collector);
    slow.write(
      `POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 8000\r\n\r\n{}${' '.repeat(7998)}`,
    );
    await vi.waitFor(() => expect(collector.queue.appends).toBe(1));
    expect(collector.budget.usedBytes).toBe(8000);
    collector.queue.gate = Promise.resolve();

    const body = JSON.stringify({ props: { x: 'x'.repeat(3000) } });
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      expect(await collect(collector, body, headers)).toMatchObject({
        status: 503,
        json: { code: 'GT_BUSY' },
        headers: { 'retry-after': '1' },
      });
    }
    const zipped = gzipSync(body);
    expect(await collect(collector, zipped, { 'content-encoding': 'gzip' })).toMatchObject({
      status: 503,
    });
    expect(await collect(collector, '{}')).toMatchObject({ status: 202 });

    slow.resetAndDestroy();
    await vi.waitFor(() => expect(collector.budget.usedBytes).toBe(0));
    expect(await collect(collector, body)).toMatchObject({ status: 202 });
  });

  it('give way to others when they come too slowly', async () => {
    const collector = await startCollector({ maxBodyBytesInFlight: 10_000 });
    const slow = dial(collector);
    const heard = once(slow, 'data') as Promise<Buffer[]>;
    slow.write(
      `POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n${' '.repeat(8000)}`,
    );
    const dribbling = setInterval(() => slow.write(' '), 100);
    const body = JSON.stringify({ props: { x: 'x'.repeat(3000) } });
    await vi.waitFor(async () => {
      expect(await collect(collector, body)).toMatchObject({ status: 202 });
    });
    clearInterval(dribbling);
    expect(String((await heard)[0])).toMatch(/^HTTP\/1\.1 503 [^]*GT_BUSY[^]*too slowly/);
  });

  it('keep their room until the answer is sent', async () => {
    const collector = await startCollector();
    const disk = Promise.withResolvers<void>();
    collector.queue.gate = disk.promise;
    const zipped = gzipSync('{"type":"a"}');
    const answer = collect(collector, zipped, { 'content-encoding': 'gzip' });
    await vi.waitFor(() => expect(collector.budget.usedBytes).toBe(zipped.length + 12));
    disk.resolve();
    await answer;
    await vi.waitFor(() => expect(collector.budget.usedBytes).toBe(0));
  });

  it('give their room back when a pipeline is cut before their turn', async () => {
    const collector = await startCollector();
    collector.queue.gate = new Promise(() => {});
    const socket = dial(collector);
    socket.write('POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}'.repeat(3));
    await vi.waitFor(() => expect(collector.budget.usedBytes).toBe(6));
    socket.resetAndDestroy();
    await vi.waitFor(() => expect(collector.budget.usedBytes).toBe(0));
  });

  it('are given up when an answer is not read to its end in time', async () => {
    const collector = await startCollector({ maxBodyHeldMs: 300 });
    collector.queue.gate = new Promise(() => {});
    const socket = dial(collector).resume();
    const closed = once(socket, 'close');
    socket.write('POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}');
    await vi.waitFor(() => expect(collector.budget.usedBytes).toBe(2));
    await closed;
    await vi.waitFor(() => expect(collector.budget.usedBytes).toBe(0));
  });

  it('tell nothing of an upload that was cut', async () => {
    const collector = await startCollector();
    const socket = dial(collector);
    socket.write(
      'POST /collect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[{},\r\n',
    );
    await vi.waitFor(() => expect(collector.budget.usedBytes).toBe(4));
    socket.destroy();
    await vi.waitFor(() => expect(collector.budget.usedBytes).toBe(0));
    expect(collector.observer.reported).toEqual({});
  });
});

describe('bytes after a complete request', () => {
  it('are answered after it, however long it takes', async () => {
    const collector = await startCollector();
    const disk = Promise.withResolvers<void>();
    collector.queue.gate = disk.promise;
    const socket = dial(collector);
    let heard = '';
    socket.on('data', (piece: Buffer) => (heard += piece.toString()));
    const ended = once(socket, 'end');
    socket.write('POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}}');
    await vi.waitFor(() => expect(collector.queue.appends).toBe(1));
    socket.write('}'.repeat(100_000));
    await sleep(300);
    expect(heard).toBe('');
    disk.resolve();
    await ended;
    expect(heard).toMatch(/^HTTP\/1\.1 202 [^]*HTTP\/1\.1 400 [^]*GT_MALFORMED_HTTP/);
    expect(collector.queue.events).toMatchObject([{ server: { ip: '127.0.0.0' } }]);
  });

  it('do not take the address of a client that has gone from its event', async () => {
    const collector = await startCollector();
    const socket = dial(collector);
    socket.write('GET /px.gif HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20));
    await once(socket, 'data');
    socket.resetAndDestroy();
    await vi.waitFor(() => expect(collector.queue.events.length).toBeGreaterThan(0));
    const servers = collector.queue.events.map(({ server }) => server);
    expect(servers).toEqual(servers.map(() => ({ ip: '127.0.0.0' })));
  });
});

describe('a queue for which more waits than it can write', () => {
  it('turns pixels and bodies away before they are parsed, and takes them again afterwards', async () => {
    const collector = await startCollector();
    collector.queue.overloaded = true;
    const busy = { status: 503, json: { code: 'GT_BUSY' }, headers: { 'retry-after': '1' } };
    expect(await send(collector, '/px.gif')).toMatchObject(busy);
    expect(await collect(collector, '{}')).toMatchObject(busy);
    expect(await collect(collector, 'no JSON')).toMatchObject(busy);
    expect(collector.observer.reported).toEqual({ 'denied busy': 3 });
    expect(collector.queue.events).toEqual([]);

    collector.queue.overloaded = false;
    expect(await send(collector, '/px.gif')).toMatchObject({ status: 200 });
    expect(await collect(collector, '{}')).toMatchObject({ status: 202 });
  });

  it('is looked at when the body is there, not when its headers are', async () => {
    const collector = await startCollector();
    const socket = dial(collector);
    socket.write('POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{');
    await vi.waitFor(() => expect(collector.budget.usedBytes).toBe(1));
    collector.queue.overloaded = true;
    socket.write('}');
    expect(String(await once(socket, 'data'))).toContain('HTTP/1.1 503 ');
    socket.destroy();
  });
});

function nested(depth: number): unknown {
  return depth === 0 ? 1 : { x: nested(depth - 1) };
}
