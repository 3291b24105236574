import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  Body,
  Controller,
  Get,
  Head,
  HttpCode,
  MethodNotAllowedException,
  Module,
  Post,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerClientError, answerMalformedRequests } from '../http/malformed-requests.js';
import { HttpMetrics } from './http-metrics.js';
import { HttpMetricsInterceptor } from './http-metrics.interceptor.js';
import { INSTRUMENTS } from './instruments.js';

/** Lets a test know that a request is being handled, and holds its answer back. */
class Gate {
  entered = Promise.withResolvers<void>();
  opened = Promise.withResolvers<void>();

  async pass(): Promise<string> {
    this.entered.resolve();
    await this.opened.promise;
    return 'late';
  }
}

let gate = new Gate();

@Controller()
class CollectorController {
  @Get('px.gif')
  pixel(): string {
    return 'gif';
  }

  @Post('px.gif')
  notAllowed(): never {
    throw new MethodNotAllowedException();
  }

  @Post('collect')
  @HttpCode(202)
  collect(@Body() body: unknown): unknown {
    return body;
  }

  @Get('slow')
  slow(): Promise<string> {
    return gate.pass();
  }

  @Get(['one', 'two'])
  twoPaths(): string {
    return 'one or two';
  }

  @Head('only-head')
  head(): void {}
}

@Module({ controllers: [CollectorController] })
class CollectorModule {}

const ROUTES = [
  { endpoint: '/px.gif', method: 'GET', status: 200 },
  { endpoint: '/collect', method: 'POST', status: 202 },
  { endpoint: '/slow', method: 'GET', status: 200 },
  { endpoint: '/one', method: 'GET', status: 200 },
  { endpoint: '/two', method: 'GET', status: 200 },
];

const GOOD = 'GET /px.gif?e=view HTTP/1.1\r\nHost: a\r\n\r\n';
const GOOD_AND_CLOSE = 'GET /px.gif HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const SLOW = 'GET /slow HTTP/1.1\r\nHost: a\r\n\r\n';

function post(body: string, headers = `Content-Length: ${Buffer.byteLength(body)}\r\n`): string {
  return (
    'POST /collect HTTP/1.1\r\nHost: a\r\nConnection: close\r\n' +
    `Content-Type: application/json\r\n${headers}\r\n${body}`
  );
}

type Counts = Record<string, number>;

describe('HttpMetrics', () => {
  const registry = new Registry();
  const metrics = new HttpMetrics(ROUTES);
  let app: NestFastifyApplication;
  let port: number;

  beforeAll(async () => {
    metrics.registerOn(registry);
    app = await NestFactory.create<NestFastifyApplication>(
      CollectorModule,
      new FastifyAdapter({
        clientErrorHandler: answerClientError,
        http: {
          requireHostHeader: false,
          headersTimeout: 2000,
          connectionsCheckingInterval: 20,
        },
        requestTimeout: 3000,
        bodyLimit: 1024,
      }),
      { logger: false },
    );
    app.useGlobalInterceptors(new HttpMetricsInterceptor());
    const server: Server = app.getHttpServer();
    answerMalformedRequests(server);
    metrics.tracker.watch(server);
    await app.listen(0, '127.0.0.1');
    ({ port } = server.address() as AddressInfo);
  });

  afterAll(() => app.close());

  async function counts(): Promise<Counts> {
    const metric = await registry.getSingleMetric(INSTRUMENTS.httpRequests.name)?.get();
    return Object.fromEntries(
      (metric?.values ?? []).map(({ labels: { endpoint, method, status }, value }) => [
        `${endpoint} ${method} ${status}`,
        value,
      ]),
    );
  }

  async function measured(): Promise<number> {
    const page = await registry.getSingleMetricAsString(INSTRUMENTS.httpDuration.name);
    return [...page.matchAll(/^\w+_count\{.*\} (\d+)$/gm)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    );
  }

  async function grown(before: Counts): Promise<Counts> {
    const now = await counts();
    return Object.fromEntries(
      Object.entries(now)
        .map(([series, value]) => [series, value - (before[series] ?? 0)] as const)
        .filter(([, growth]) => growth !== 0),
    );
  }

  async function open(): Promise<Socket> {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  /** Sends, and reads until the server closes the connection. */
  async function talk(bytes: string): Promise<string> {
    const socket = await open();
    socket.write(bytes);
    return text(socket);
  }

  /** Sends the rest once the answer to the first contains something; reads until the server closes. */
  async function talkOn(first: string, awaited: string, rest: string): Promise<string> {
    const socket = await open();
    let received = '';
    socket.on('data', (chunk) => {
      received += String(chunk);
    });
    socket.write(first);
    await expect.poll(() => received).toContain(awaited);
    socket.write(rest);
    await once(socket, 'close');
    return received;
  }

  /** Sends all of it, then hangs up. */
  async function sendAndLeave(bytes: string): Promise<void> {
    const socket = await open();
    await new Promise((resolve) => {
      socket.write(bytes, resolve);
    });
    socket.destroy();
  }

  /** Sends, hangs up once a handler is at work, and lets the handler answer nobody. */
  async function leaveWhileHandled(bytes: string): Promise<void> {
    gate = new Gate();
    const socket = await open();
    socket.write(bytes);
    await gate.entered.promise;
    socket.resetAndDestroy();
  }

  const shapes: readonly [string, () => Promise<unknown>, Counts][] = [
    ['a pixel', () => talk(GOOD_AND_CLOSE), { '/px.gif GET 200': 1 }],
    ['an accepted body', () => talk(post('{}')), { '/collect POST 202': 1 }],
    [
      'the head of a pixel',
      () => talk(GOOD_AND_CLOSE.replace('GET', 'HEAD')),
      { '/px.gif HEAD 200': 1 },
    ],
    [
      'an absolute URL',
      () => talk(GOOD_AND_CLOSE.replace('/px.gif', 'http://a/px.gif')),
      { '/px.gif GET 200': 1 },
    ],
    [
      'another path of the same handler',
      async () => {
        await talk(GOOD_AND_CLOSE.replace('/px.gif', '/one'));
        await talk(GOOD_AND_CLOSE.replace('/px.gif', '/two'));
      },
      { '/one GET 200': 1, '/two GET 200': 1 },
    ],
    [
      'a path that nobody knows',
      () => talk(GOOD_AND_CLOSE.replace('/px.gif', '/nothing-here')),
      { 'other GET 404': 1 },
    ],
    [
      'a known path with a method it does not have',
      () => talk(GOOD_AND_CLOSE.replace('GET', 'POST')),
      { '/px.gif POST 405': 1 },
    ],
    [
      'a path that is not among the known ones, though handled',
      () => talk(GOOD_AND_CLOSE.replace('GET /px.gif', 'HEAD /only-head')),
      { 'other HEAD 200': 1 },
    ],
    ['too large a body', () => talk(post('x'.repeat(2000))), { '/collect POST 413': 1 }],
    ['malformed JSON', () => talk(post('{"a":')), { '/collect POST 400': 1 }],
    [
      'a malformed URL',
      () => talk(GOOD_AND_CLOSE.replace('/px.gif', '/%zz')),
      { 'other GET 400': 1 },
    ],
    ['malformed HTTP', () => talk('how are you?\r\n\r\n'), { 'other OTHER 400': 1 }],
    [
      'malformed HTTP in several pieces',
      async () => {
        const socket = await open();
        const answer = text(socket);
        for (const piece of ['how are you?\r\n', 'fine\r\n', 'and you?\r\n\r\n']) {
          socket.write(piece);
        }
        await answer;
      },
      { 'other OTHER 400': 1 },
    ],
    [
      'malformed HTTP after a good request',
      async () => {
        const answers = await talkOn(GOOD, 'gif', 'how are you?\r\n\r\n');
        expect(answers).toContain('GT_MALFORMED_HTTP');
      },
      { '/px.gif GET 200': 1, 'other OTHER 400': 1 },
    ],
    [
      'malformed HTTP after pipelined requests',
      async () => {
        gate = new Gate();
        gate.opened.resolve();
        const answers = await talkOn(SLOW + GOOD, 'gif', 'how are you?\r\n\r\n');
        expect(answers).toContain('GT_MALFORMED_HTTP');
      },
      { '/slow GET 200': 1, '/px.gif GET 200': 1, 'other OTHER 400': 1 },
    ],
    [
      'a malformed body after a request that waits',
      async () => {
        gate = new Gate();
        const answer = talk(SLOW + post('zz\r\n', 'Transfer-Encoding: chunked\r\n'));
        await gate.entered.promise;
        gate.opened.resolve();
        expect(await answer).toMatch(/^HTTP\/1\.1 200 [^]*late[^]*HTTP\/1\.1 400 /);
      },
      { '/slow GET 200': 1, '/collect POST 400': 1 },
    ],
    [
      'malformed HTTP after a request that waits',
      async () => {
        gate = new Gate();
        const answer = talk(`${SLOW}how are you?\r\n\r\n`);
        await gate.entered.promise;
        gate.opened.resolve();
        expect(await answer).toMatch(/^HTTP\/1\.1 200 [^]*late[^]*HTTP\/1\.1 400 /);
      },
      { '/slow GET 200': 1, 'other OTHER 400': 1 },
    ],
    [
      'a method that HTTP does not know',
      () => talk(GOOD_AND_CLOSE.replace('GET', 'FETCH')),
      { 'other OTHER 400': 1 },
    ],
    [
      'a method that only others know',
      () => talk(GOOD_AND_CLOSE.replace('GET', 'PURGE')),
      { '/px.gif OTHER 404': 1 },
    ],
    [
      'the preface of HTTP/2',
      () => talk('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      { 'other OTHER 400': 1 },
    ],
    [
      'headers that are too large',
      () => talk(GOOD_AND_CLOSE.replace('Host', `Cookie: ${'x'.repeat(20_000)}\r\nHost`)),
      { 'other OTHER 431': 1 },
    ],
    [
      'headers that are far too large',
      () => talk(GOOD_AND_CLOSE.replace('Host', `Cookie: ${'x'.repeat(2_000_000)}\r\nHost`)),
      { 'other OTHER 431': 1 },
    ],
    [
      'headers that stop arriving',
      () => talk('GET /px.gif HTTP/1.1\r\nHost:'),
      { 'other OTHER 408': 1 },
    ],
    [
      'headers that stop arriving after a good request',
      () => talk(`${GOOD}GET /px.gif HTTP/1.1\r\nHost:`),
      { '/px.gif GET 200': 1, 'other OTHER 408': 1 },
    ],
    [
      'headers that end in the middle',
      () => sendAndLeave('GET /px.gif HTTP/1.1\r\nHost:'),
      { 'other OTHER 400': 1 },
    ],
    [
      'a body that stops arriving',
      () => talk(post('{"a"', 'Content-Length: 100\r\n')),
      { '/collect POST 408': 1 },
    ],
    [
      'a body that ends in the middle',
      () => sendAndLeave(post('{"a"', 'Content-Length: 100\r\n')),
      { '/collect POST 499': 1 },
    ],
    [
      'a body with a malformed chunk',
      () => talk(post('zz\r\n', 'Transfer-Encoding: chunked\r\n')),
      { '/collect POST 400': 1 },
    ],
    [
      'a client that leaves before the answer',
      async () => {
        await leaveWhileHandled(SLOW);
        gate.opened.resolve();
      },
      { '/slow GET 499': 1 },
    ],
    [
      'a client that leaves and is never answered',
      () => leaveWhileHandled(SLOW),
      { '/slow GET 499': 1 },
    ],
    ['pipelined requests', () => talk(GOOD + GOOD_AND_CLOSE), { '/px.gif GET 200': 2 }],
    [
      'pipelined requests that wait for the first',
      async () => {
        gate = new Gate();
        const answers = talk(SLOW + GOOD + GOOD_AND_CLOSE);
        await gate.entered.promise;
        gate.opened.resolve();
        await answers;
      },
      { '/slow GET 200': 1, '/px.gif GET 200': 2 },
    ],
    [
      'pipelined requests of which none is answered',
      () => leaveWhileHandled(SLOW + GOOD + GOOD),
      { '/slow GET 499': 1, '/px.gif GET 499': 2 },
    ],
    [
      'pipelined requests of which the first is answered',
      async () => {
        gate = new Gate();
        const socket = await open();
        socket.write(GOOD + SLOW + GOOD);
        await once(socket, 'data');
        await gate.entered.promise;
        socket.resetAndDestroy();
      },
      { '/px.gif GET 200': 1, '/slow GET 499': 1, '/px.gif GET 499': 1 },
    ],
    [
      'an expectation that nobody can meet',
      () => talk(GOOD_AND_CLOSE.replace('Host', 'Expect: miracles\r\nHost')),
      { '/px.gif GET 417': 1 },
    ],
    [
      'the expectation to be told to continue',
      () => talk(post('{}', 'Expect: 100-continue\r\nContent-Length: 2\r\n')),
      { '/collect POST 202': 1 },
    ],
    [
      'a request for a tunnel',
      () => talk('CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n'),
      { 'other CONNECT 405': 1 },
    ],
    [
      'a request for a tunnel with a body',
      () => talk('CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\nContent-Length: 9\r\n\r\nab'),
      { 'other CONNECT 405': 1 },
    ],
    [
      'no Host header',
      () => talk('GET /px.gif HTTP/1.1\r\nConnection: close\r\n\r\n'),
      { '/px.gif GET 200': 1 },
    ],
    [
      'an upgrade that is not offered',
      () => {
        const upgrade = 'Connection: upgrade, close\r\nUpgrade: websocket\r\n';
        return talk(GOOD_AND_CLOSE.replace('Connection: close\r\n', upgrade));
      },
      { '/px.gif GET 200': 1 },
    ],
    ['a connection without bytes', () => sendAndLeave(''), {}],
    ['a connection without bytes that times out', () => talk(''), {}],
  ];

  it.each(shapes)('counts once: %s', async (_, send, expected) => {
    const before = await counts();
    await send();
    await expect.poll(() => grown(before)).toEqual(expected);

    // What would be counted twice has had its time when a later request has been counted.
    await talk(GOOD_AND_CLOSE);
    const { '/px.gif GET 200': pixels = 0 } = expected;
    await expect.poll(() => grown(before)).toEqual({ ...expected, '/px.gif GET 200': pixels + 1 });
  });

  it('shows every known route at 0 before the first request', async () => {
    const untouched = new Registry();
    new HttpMetrics(ROUTES).registerOn(untouched);

    const requests = await untouched.getSingleMetric(INSTRUMENTS.httpRequests.name)?.get();
    expect(requests?.values).toEqual(
      ROUTES.map(({ endpoint, method, status }) => ({
        labels: { endpoint, method, status: String(status) },
        value: 0,
      })),
    );
    const durations = await untouched.getSingleMetricAsString(INSTRUMENTS.httpDuration.name);
    expect(durations).toContain(
      'gotrack_http_duration_seconds_count{endpoint="/collect",method="POST"} 0',
    );
  });

  it('measures each request whose headers were complete, whatever became of it', async () => {
    const before = await measured();
    await talk(GOOD_AND_CLOSE);
    await leaveWhileHandled(SLOW);
    await talk('how are you?\r\n\r\n');
    await expect.poll(measured).toBe(before + 2);
  });

  const errors: readonly [string, string, string, string][] = [
    ['malformed HTTP', 'how are you?\r\n\r\n', '400 Bad Request', 'GT_MALFORMED_HTTP'],
    [
      'too large headers',
      `GET / HTTP/1.1\r\nCookie: ${'x'.repeat(20_000)}\r\n\r\n`,
      '431 Request Header Fields Too Large',
      'GT_HEADERS_TOO_LARGE',
    ],
    ['late headers', 'GET / HTTP/1.1\r\n', '408 Request Timeout', 'GT_REQUEST_TIMEOUT'],
    [
      'a malformed chunk',
      post('zz\r\n', 'Transfer-Encoding: chunked\r\n'),
      '400 Bad Request',
      'GT_MALFORMED_HTTP',
    ],
    [
      'an expectation that nobody can meet',
      'GET / HTTP/1.1\r\nExpect: miracles\r\n\r\n',
      '417 Expectation Failed',
      'GT_EXPECTATION_FAILED',
    ],
    [
      'a request for a tunnel',
      'CONNECT b:443 HTTP/1.1\r\n\r\n',
      '405 Method Not Allowed',
      'GT_METHOD_NOT_ALLOWED',
    ],
  ];

  it.each(errors)('answers %s in JSON and closes', async (_, bytes, status, code) => {
    const [head = '', body = ''] = (await talk(bytes)).split('\r\n\r\n');
    expect(head.split('\r\n')[0]).toBe(`HTTP/1.1 ${status}`);
    expect(head.toLowerCase()).toContain('connection: close');
    expect(head.toLowerCase()).toContain('content-type: application/json');
    expect(JSON.parse(body)).toEqual({
      statusCode: Number(status.slice(0, 3)),
      code,
      message: expect.stringMatching(/\w+/) as string,
    });
  });
});
