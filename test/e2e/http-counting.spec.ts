import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Collector,
  inParallel,
  sumOf,
  until,
  Workplace,
} from '../support/servers/collector.js';
import { exchange, RawConnection } from '../support/servers/raw-http.js';

const TOTAL = 'gotrack_http_requests_total';
const TIMES = 10;

let workplace: Workplace;
let collector: Collector;

beforeEach(async () => {
  workplace = await Workplace.create();
  collector = await workplace.start({ MAX_BODY_BYTES: '2000' });
});

afterEach(() => workplace.remove());

const json = { 'content-type': 'application/json' };
const post = (body: string, headers: Record<string, string> = json): RequestInit => ({
  method: 'POST',
  body,
  headers,
});

/** A request that a client could send, with the answer it gets and the series it is counted in. */
interface Shape {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  send(): Promise<void>;
}

function asked(
  name: string,
  path: string,
  init: RequestInit,
  status: number,
  endpoint: string,
): Shape {
  const method = init.method ?? 'GET';
  return {
    name,
    labels: { endpoint, method, status: String(status) },
    async send() {
      const response = await fetch(collector.url + path, init);
      await response.arrayBuffer();
      expect({ name, status: response.status }).toEqual({ name, status });
    },
  };
}

function written(name: string, text: string, labels: Shape['labels']): Shape {
  return {
    name,
    labels,
    async send() {
      const { status } = await exchange(collector.port, text);
      expect({ name, status: String(status) }).toEqual({ name, status: labels['status'] });
    },
  };
}

const SHAPES: readonly Shape[] = [
  asked('a pixel', '/px.gif?e=view', {}, 200, '/px.gif'),
  asked('a pixel without its body', '/px.gif', { method: 'HEAD' }, 200, '/px.gif'),
  asked('an event', '/collect', post('{}'), 202, '/collect'),
  asked('liveness', '/healthz', {}, 200, '/healthz'),
  asked('an unknown path', '/nowhere', {}, 404, 'other'),
  asked('metrics on the public port', '/metrics', {}, 404, 'other'),
  asked('a wrong method', '/collect', {}, 405, '/collect'),
  asked('a body over the bound', '/collect', post('x'.repeat(2001)), 413, '/collect'),
  asked(
    'another content type',
    '/collect',
    post('a,b', { 'content-type': 'text/csv' }),
    415,
    '/collect',
  ),
  asked('malformed JSON', '/collect', post('{"a":'), 400, '/collect'),
  asked(
    'a preflight',
    '/collect',
    {
      method: 'OPTIONS',
      headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' },
    },
    204,
    '/collect',
  ),
  written('a malformed URL', 'GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', {
    endpoint: 'other',
    method: 'GET',
    status: '400',
  }),
  written('no Host', 'GET /px.gif HTTP/1.1\r\nConnection: close\r\n\r\n', {
    endpoint: '/px.gif',
    method: 'GET',
    status: '400',
  }),
  written('two Hosts', 'GET /px.gif HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', {
    endpoint: '/px.gif',
    method: 'GET',
    status: '400',
  }),
  written(
    'another transfer coding',
    'POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    { endpoint: '/collect', method: 'POST', status: '501' },
  ),
  written(
    'a transfer coding that does not end',
    'POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n',
    { endpoint: '/collect', method: 'POST', status: '501' },
  ),
  written(
    'a body that waits to be asked for, over the bound',
    'POST /collect HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2001\r\n\r\n',
    { endpoint: '/collect', method: 'POST', status: '413' },
  ),
  written('raw UTF-8 in the URL', 'GET /px.gif?title=caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n', {
    endpoint: 'other',
    method: 'OTHER',
    status: '400',
  }),
  written('a method nobody knows', 'BREW /px.gif HTTP/1.1\r\nHost: a\r\n\r\n', {
    endpoint: 'other',
    method: 'OTHER',
    status: '400',
  }),
  written('no HTTP at all', 'hello\r\n\r\n', { endpoint: 'other', method: 'OTHER', status: '400' }),
  written(
    'headers over the bound',
    `GET /px.gif HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`,
    { endpoint: 'other', method: 'OTHER', status: '431' },
  ),
  {
    name: 'a client that goes away in the middle of its body',
    labels: { endpoint: '/collect', method: 'POST', status: '499' },
    async send() {
      const connection = await RawConnection.open(collector.port);
      connection.send(
        'POST /collect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
      );
      const before = await collector.metric(TOTAL, this.labels);
      connection.abort();
      await until(async () => (await collector.metric(TOTAL, this.labels)) > before);
    },
  },
];

describe('gotrack_http_requests_total', () => {
  it('grows by exactly the number of requests, whatever becomes of them', async () => {
    expect(SHAPES).toHaveLength(22);
    expect(await collector.metric(TOTAL)).toBe(0);

    for (const shape of SHAPES) {
      for (let time = 0; time < TIMES; time += 1) {
        await shape.send();
      }
    }

    const samples = await collector.metrics();
    for (const { name, labels } of SHAPES) {
      const shapesInSeries = SHAPES.filter(
        (other) => JSON.stringify(other.labels) === JSON.stringify(labels),
      );
      expect({ name, count: sumOf(samples, TOTAL, labels) }).toEqual({
        name,
        count: TIMES * shapesInSeries.length,
      });
    }
    expect(sumOf(samples, TOTAL)).toBe(SHAPES.length * TIMES);
  });

  it('counts two requests on the wire at once, and none for a connection that says nothing', async () => {
    const silent = await RawConnection.open(collector.port);
    silent.abort();
    const pipelined = await RawConnection.open(collector.port);
    pipelined.send(
      'GET /px.gif HTTP/1.1\r\nHost: a\r\n\r\nGET /px.gif HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    expect((await pipelined.answer()).match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(await collector.metric(TOTAL)).toBe(2);
  });

  it.each(['/px%2Egif', 'http://a/px.gif'])('knows the pixel as %s', async (target) => {
    const connection = await RawConnection.open(collector.port);
    connection.send(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(await connection.answer()).toContain('HTTP/1.1 200');
    expect(await collector.metric(TOTAL, { endpoint: '/px.gif', status: '200' })).toBe(1);
  });

  it('keeps one series for all paths it does not know', async () => {
    await fetch(`${collector.url}/first`);
    const series = (await collector.metrics()).filter(({ name }) =>
      name.startsWith('gotrack_http'),
    ).length;
    await inParallel(
      16,
      Array.from({ length: 10_000 }, (_, index) => async () => {
        await (await fetch(`${collector.url}/${Math.random()}/${index}`)).arrayBuffer();
      }),
    );
    const samples = await collector.metrics();
    expect(samples.filter(({ name }) => name.startsWith('gotrack_http'))).toHaveLength(series);
    expect(sumOf(samples, TOTAL, { endpoint: 'other', status: '404' })).toBe(10_001);
  });
});
