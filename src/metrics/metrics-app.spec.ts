import { once } from 'node:events';
import { get, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { Controller, Get, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Gauge } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpMetrics } from './http-metrics.js';
import { INSTRUMENTS } from './instruments.js';
import { createMetricsApp } from './metrics-app.js';
import { PrometheusObserver } from './prometheus-observer.js';
import { type MetricSource, registerCollected } from './collected-metric.js';
import type { StatusSources } from './status/status-reporter.js';
import { TlsMetrics } from './tls-metrics.js';
import { CurrentToken } from './current-token.js';
import { MetricsOptions } from './metrics.options.js';

@Controller('healthz')
class AliveController {
  @Get()
  alive(): string {
    return 'ok';
  }
}

@Module({ controllers: [AliveController] })
class HealthModule {}

let app: NestFastifyApplication | undefined;

/** A pipeline that nothing has happened in. */
const quietStatus = (): StatusSources => ({
  observer: new PrometheusObserver({ sinks: ['log'] }),
  http: new HttpMetrics([]),
  servers: [],
  checks: () => [],
});

afterEach(() => app?.close());

async function serve(...sources: MetricSource[]): Promise<string> {
  app = await createMetricsApp(
    { sources, status: quietStatus(), imports: [HealthModule] },
    { logger: false },
  );
  await app.listen(0, '127.0.0.1');
  return app.getUrl();
}

function everything(): MetricSource[] {
  return [
    new PrometheusObserver({ sinks: ['log'] }),
    new HttpMetrics([{ endpoint: '/px.gif', method: 'GET', status: 200 }]),
    new TlsMetrics({}),
  ];
}

interface Family {
  readonly type: string;
  readonly series: Map<string, number>;
}

const SAMPLE =
  /^(?<name>[a-z_:][\w:]*)(?:\{(?<labels>\w+="(?:[^"\\\n]|\\[\\"n])*"(?:,\w+="(?:[^"\\\n]|\\[\\"n])*")*)\})? (?<value>\S+)$/i;

/** Reads the text format 0.0.4, and throws at what a lenient reader would overlook. */
function parse(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) {
    throw new Error('the last line does not end');
  }
  const families = new Map<string, Family>();
  let helped = '';
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      helped = name;
    } else if (keyword === 'TYPE') {
      if (helped !== name || families.has(name) || !/^(counter|gauge|histogram)$/.test(rest)) {
        throw new Error(`misplaced: ${line}`);
      }
      families.set(name, { type: rest, series: new Map() });
      current = name;
    } else if (line !== '') {
      addSample(families.get(current), current, line);
    }
  }
  return families;
}

function addSample(family: Family | undefined, name: string, line: string): void {
  const groups = SAMPLE.exec(line)?.groups;
  const suffixes = family?.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
  const key = `${groups?.['name']}{${groups?.['labels'] ?? ''}}`;
  const value = Number(groups?.['value']);
  const named = suffixes.some((suffix) => groups?.['name'] === name + suffix);
  if (!named || Number.isNaN(value) || family?.series.has(key)) {
    throw new Error(`wrong sample: ${line}`);
  }
  family?.series.set(key, value);
}

/** For each of its label sets: the buckets in the order in which they are served, and their count. */
function bucketsOf(name: string, series: ReadonlyMap<string, number>) {
  const counts = Array.from(series).filter(([key]) => key.startsWith(`${name}_count{`));
  return counts.map(([key, total]) => {
    const labels = key.slice(`${name}_count{`.length, -1);
    const start = `${name}_bucket{${labels}${labels && ','}le="`;
    const buckets = Array.from(series).filter(([bucket]) => bucket.startsWith(start));
    return {
      total,
      bounds: buckets.map(([bucket]) =>
        Number(bucket.slice(start.length, -2).replace('+Inf', 'Infinity')),
      ),
      values: buckets.map(([, value]) => value),
    };
  });
}

describe('the metrics application', () => {
  it('serves what Prometheus can read, each metric once', async () => {
    const response = await fetch(`${await serve(...everything())}/metrics`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');

    const families = parse(await response.text());
    const expected = Object.values(INSTRUMENTS).map(({ name, type }) => `${name} ${type}`);
    const served = Array.from(families, ([name, { type }]) => `${name} ${type}`);
    expect(served.toSorted()).toEqual(expected.toSorted());

    const empty = Array.from(families).filter(([, { series }]) => series.size === 0);
    expect(empty.map(([name]) => name)).toEqual([
      'gotrack_source_events_accepted_total',
      'gotrack_enrichment_errors_total',
      'gotrack_events_by_country_total',
      'gotrack_geo_database_build_timestamp_seconds',
      'gotrack_geo_database_last_reload_successful',
      'gotrack_event_schema_violations_total',
      'gotrack_event_schemas_last_reload_successful',
      'gotrack_sink_up',
      'gotrack_fleet_events',
      'gotrack_fleet_oldest_event_age_seconds',
      'gotrack_queue_partitions',
      'gotrack_queue_retention_seconds',
      'gotrack_queue_partitions_owned',
      'gotrack_tls_certificate_not_after_timestamp_seconds',
      'gotrack_tls_last_reload_successful',
    ]);
  });

  it('serves histograms whose buckets are cumulative and end at their count', async () => {
    const observer = new PrometheusObserver({ sinks: ['log'] });
    for (const seconds of [0.001, 0.2, 3, 100]) {
      observer.batchWritten('log', 1, 0, seconds);
    }
    const response = await fetch(`${await serve(observer)}/metrics`);
    const histograms = Array.from(parse(await response.text())).filter(
      ([, { type }]) => type === 'histogram',
    );
    const measured = histograms.flatMap(([name, { series }]) => bucketsOf(name, series));
    expect(measured.map(({ total }) => total)).toContain(4);
    for (const { bounds, values, total } of measured) {
      expect(bounds.at(-1)).toBe(Infinity);
      expect(values.at(-1)).toBe(total);
      expect(bounds).toEqual(bounds.toSorted((a, b) => a - b));
      expect(values).toEqual(values.toSorted((a, b) => a - b));
    }
  });

  it('compresses when asked', async () => {
    const url = `${await serve(...everything())}/metrics`;
    const { body, headers } = await rawGet(url, 'gzip');
    expect(headers['content-encoding']).toBe('gzip');
    expect(parse(gunzipSync(body).toString()).has('gotrack_build_info')).toBe(true);

    const plain = await rawGet(url, 'identity');
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(parse(plain.body.toString()).has('gotrack_build_info')).toBe(true);
  });

  it('counts scrapes, the one under way apart', async () => {
    const url = `${await serve()}/metrics`;
    const scrape = async () => parse(await (await fetch(url)).text());
    const first = await scrape();
    const scrapes = INSTRUMENTS.scrapes.name;
    expect(Object.fromEntries(first.get(scrapes)?.series ?? [])).toEqual({
      [`${scrapes}{code="200"}`]: 0,
      [`${scrapes}{code="500"}`]: 0,
      [`${scrapes}{code="503"}`]: 0,
    });
    const second = await scrape();
    expect(second.get(scrapes)?.series.get(`${scrapes}{code="200"}`)).toBe(1);
    const inFlight = INSTRUMENTS.scrapesInFlight.name;
    expect(second.get(inFlight)?.series.get(`${inFlight}{}`)).toBe(1);
  });

  it('does not count scrapes among the requests of the collector', async () => {
    const url = `${await serve(...everything())}/metrics`;
    await fetch(url);
    const requests = parse(await (await fetch(url)).text()).get(INSTRUMENTS.httpRequests.name);
    expect([...(requests?.series.values() ?? [])]).toEqual([0]);
  });

  it('answers 500 when a metric fails, counts it, and recovers', async () => {
    const failures = [new Error('secret detail')];
    const url = await serve({
      registerOn: (registry) => {
        registerCollected(registry, INSTRUMENTS.queueBytes, () => {
          const failure = failures.pop();
          if (failure) {
            throw failure;
          }
          return [[{}, 1]];
        });
      },
    });
    const failed = await fetch(`${url}/metrics`);
    expect(failed.status).toBe(500);
    const body = await failed.text();
    expect(JSON.parse(body)).toMatchObject({ statusCode: 500 });
    expect(body).not.toContain('secret detail');

    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text).toContain('promhttp_metric_handler_requests_total{code="500"} 1');
  });

  it('lets so many scrapes wait for one rendering, and answers those beyond them when to come back', async () => {
    const rendering = Promise.withResolvers<void>();
    let renderings = 0;
    const url = await serve({
      registerOn: (registry) => {
        registry.registerMetric(
          new Gauge({
            name: 'slow',
            help: 'Takes its time.',
            registers: [],
            async collect() {
              renderings += 1;
              await rendering.promise;
            },
          }),
        );
      },
    });
    const scrapes = Array.from({ length: 17 }, () => rawGet(`${url}/metrics`, 'identity'));
    const { status, headers, body } = await Promise.race(scrapes);
    expect(status).toBe(503);
    expect(headers['retry-after']).toBe('1');
    expect(body.toString()).toContain('16 scrapes are under way');

    rendering.resolve();
    const statuses = (await Promise.all(scrapes)).map((each) => `${each.status}`);
    expect(statuses.toSorted()).toEqual([...Array.from({ length: 16 }, () => '200'), '503']);
    expect(renderings).toBe(1);
    const after = await rawGet(`${url}/metrics`, 'identity');
    expect(after.status).toBe(200);
    expect(after.body.toString()).toContain('promhttp_metric_handler_requests_total{code="503"} 1');
  });

  it('closes although a client has not finished its handshake', async () => {
    // Longer than a test could wait for it.
    app = await createMetricsApp(
      { sources: [], status: quietStatus(), imports: [] },
      { logger: false, tls: { handshakeTimeout: 3_600_000 } },
    );
    await app.listen(0, '127.0.0.1');
    const server: Server = app.getHttpServer();
    const accepted = once(server, 'connection');
    const mute = connect((server.address() as AddressInfo).port, '127.0.0.1').resume();
    await accepted;
    const closed = once(mute, 'close');
    await app.close();
    await closed;
    expect(server.listening).toBe(false);
  });

  it('closes although a client never ends its request', async () => {
    app = await createMetricsApp(
      { sources: [], status: quietStatus(), imports: [] },
      { logger: false },
    );
    await app.listen(0, '127.0.0.1');
    const server: Server = app.getHttpServer();
    const accepted = once(server, 'connection');
    const dribbler = connect((server.address() as AddressInfo).port, '127.0.0.1').resume();
    dribbler.on('error', () => {});
    dribbler.write('GET /metrics HTTP/1.1\r\nX-A:');
    const dribbling = setInterval(() => dribbler.write('b'), 50);
    // A reset closes it too, when a byte was on the wire; `once` would reject.
    const closed = new Promise<void>((resolve) => {
      dribbler.on('close', () => {
        clearInterval(dribbling);
        resolve();
      });
    });
    await accepted;
    await app.close();
    await closed;
    expect(server.listening).toBe(false);
  });

  it('has a page that links what it serves', async () => {
    const response = await fetch(await serve());
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const page = await response.text();
    for (const path of ['/metrics', '/healthz', '/readyz']) {
      expect(page).toContain(`href="${path}"`);
    }
  });

  it('serves the modules that it is given', async () => {
    const response = await fetch(`${await serve()}/healthz`);
    await expect(response.text()).resolves.toBe('ok');
  });

  it('answers an unknown path with JSON', async () => {
    const response = await fetch(`${await serve()}/nothing-here`);
    expect(response.status).toBe(404);
    await expect(response.json()).resolves.toEqual({
      statusCode: 404,
      code: 'GT_NOT_FOUND',
      message: 'no such path: GET / names them all',
    });
  });

  it('answers another method with JSON that says which are allowed', async () => {
    const response = await fetch(`${await serve()}/metrics?a=b`, { method: 'POST', body: '{}' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
    await expect(response.json()).resolves.toMatchObject({
      statusCode: 405,
      code: 'GT_METHOD_NOT_ALLOWED',
    });
  });

  it('answers what is malformed with JSON of the same shape', async () => {
    await serve();
    const server = app?.getHttpServer() as Server;
    for (const [lines, status, code] of [
      ['GET / HTTP/1.1\r\nno header\r\n\r\n', 400, 'GT_MALFORMED_HTTP'],
      ['GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 400, 'GT_BAD_URL'],
      [`GET / HTTP/1.1\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'GT_HEADERS_TOO_LARGE'],
    ] as const) {
      const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
      client.write(lines);
      const answer = (await buffer(client)).toString();
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({
        statusCode: status,
        code,
        message: expect.stringMatching(/./),
      });
    }
  });

  it('answers a scrape without the token with JSON of the same shape', async () => {
    app = await createMetricsApp(
      { sources: [], status: quietStatus(), imports: [], token: tokenOf('secret') },
      { logger: false },
    );
    await app.listen(0, '127.0.0.1');
    const response = await fetch(`${await app.getUrl()}/metrics`);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="gotrack metrics"');
    await expect(response.json()).resolves.toMatchObject({
      statusCode: 401,
      code: 'GT_UNAUTHORIZED',
    });
  });

  it('can be created again after it was closed', async () => {
    const sources = everything();
    await serve(...sources);
    await app?.close();
    const response = await fetch(`${await serve(...sources)}/metrics`);
    expect(parse(await response.text()).size).toBe(Object.keys(INSTRUMENTS).length);
  });
});

function tokenOf(bearerToken: string): CurrentToken {
  return new CurrentToken(Object.assign(new MetricsOptions(), { bearerToken }));
}

/** `fetch` decompresses on its own. */
async function rawGet(url: string, encoding: string) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get(url, { headers: { 'accept-encoding': encoding }, agent: false }, resolve).on('error', reject);
  const response = await promise;
  return {
    status: response.statusCode,
    headers: response.headers,
    body: await buffer(response),
  };
}
