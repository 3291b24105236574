import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import type { KafkaBroker } from '../support/servers/kafka-broker.js';
import {
  metricsIn,
  readDashboards,
  readFolder,
  RULES,
  substituted,
  withListedSource,
} from '../support/servers/monitoring-files.js';
import { type PostgresServer, uniqueName } from '../support/servers/postgres-server.js';
import { sharedKafka, sharedPostgres } from '../support/servers/shared-servers.js';
import {
  findPrometheus,
  Prometheus,
  type PrometheusPrograms,
} from '../support/servers/prometheus.js';
import { RawConnection } from '../support/servers/raw-http.js';
import { TcpProxy } from '../support/servers/tcp-proxy.js';

/** The collector of this test speaks no TLS, and is alone; mtls.spec.ts and fleet.spec.ts look for these. */
const NOT_HERE = [
  'gotrack_fleet_events',
  'gotrack_fleet_oldest_event_age_seconds',
  'gotrack_queue_partitions',
  'gotrack_queue_partitions_owned',
  'gotrack_queue_retention_seconds',
  'gotrack_tls_certificate_not_after_timestamp_seconds',
  'gotrack_tls_last_reload_successful',
];
/** fleet.spec.ts asks its queries. */
const OF_FLEETS = 'fleet.json';

/** Queries that may find nothing here, and why. */
const MAY_BE_EMPTY = new Map([
  ['starts of the process', 'it started before the first scrape'],
  ['Full in', 'the queue is full, and no longer grows'],
  ['Failed attempts an event', 'the dead sink has no finite ratio, and the other no errors'],
  ['Certificate ends in', 'mtls.spec.ts asks it'],
  ['Certificate reload', 'mtls.spec.ts asks it'],
]);

const programs = findPrometheus();
const [server, kafka] = await Promise.all([sharedPostgres(), sharedKafka()]);
afterAll(() => Promise.all([server?.stop(), kafka?.stop()]));

describe.skipIf(!programs || !server || !kafka)('on a real Prometheus', () => {
  const postgres = server as PostgresServer;
  const broker = kafka as KafkaBroker;
  const table = uniqueName('monitored');
  let proxy: TcpProxy;
  let workplace: Workplace;
  let collector: Collector;
  let prometheus: Prometheus;

  const series = (name: string): Promise<number> => collector.metric(name);

  async function collect(body: string, contentType = 'application/json'): Promise<number> {
    const response = await fetch(`${collector.url}/collect`, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body,
    });
    await response.arrayBuffer();
    return response.status;
  }

  const events = (count: number, props: object = {}): string =>
    JSON.stringify(Array.from({ length: count }, () => ({ event_id: randomUUID(), props })));

  /** One of each kind that changes a metric. */
  async function failures(): Promise<void> {
    await (await fetch(`${collector.url}/nowhere`)).arrayBuffer();
    await (await fetch(`${collector.url}/collect`)).arrayBuffer();
    expect(await collect('a=1', 'application/x-www-form-urlencoded')).toBe(415);
    expect(await collect(`"${'x'.repeat(1_100_000)}"`)).toBe(413);
    expect(await collect('{"type":')).toBe(400);
    expect([202, 503]).toContain(await collect('[{"type":7},{}]'));
    await fetch(`${collector.url}/collect`, { method: 'OPTIONS' });
    const gone = await RawConnection.open(collector.port);
    gone.send('POST /collect HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{');
    gone.abort();
    await fetch(`${collector.url}/px.gif`, { headers: { dnt: '1' } });
    for (const path of ['/px.gif', '/readyz', '/healthz']) {
      await (await fetch(`${collector.url}${path}`)).arrayBuffer();
    }
  }

  beforeAll(async () => {
    workplace = await Workplace.create();
    await postgres.query(
      `create table ${table} (id bigserial primary key, event_id uuid unique not null,
         ts timestamptz not null default now(), payload jsonb not null,
         constraint only_good check (not payload @? '$.props.bad'))`,
    );
    await broker.createTopic(table, { configs: { 'max.message.bytes': '50000' } });
    proxy = new TcpProxy(postgres.address);
    await proxy.open();
    const dsn = new URL(postgres.dsn);
    dsn.port = String(proxy.port);
    await mkdir(workplace.path('schemas'));
    await writeFile(workplace.path('schemas', 'signup.json'), '{"required":["user"]}');
    collector = await workplace.start({
      OUTPUTS: 'log,kafka,postgres',
      INGEST_API_KEYS: 'shop:key-of-shop',
      EVENT_SCHEMAS: 'schemas',
      KAFKA_BROKERS: broker.address(),
      KAFKA_TOPIC: table,
      PG_DSN: dsn.toString(),
      PG_TABLE: table,
      QUEUE_MAX_MB: '1',
      PRIVACY_SIGNALS: 'drop',
      SHUTDOWN_TIMEOUT_MS: '100',
    });

    // The rules as they are shipped, with a source listed; only the target and the intervals are others.
    await mkdir(workplace.path('rules'));
    for (const [name, text] of await readFolder(RULES)) {
      await writeFile(workplace.path('rules', name), withListedSource(text));
    }
    const config = workplace.path('prometheus.yml');
    await writeFile(
      config,
      `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [rules/*.yml]
scrape_configs:
  - job_name: gotrack
    static_configs: [{ targets: ['${new URL(collector.metricsUrl).host}'] }]
`,
    );
    prometheus = await Prometheus.start(
      programs as PrometheusPrograms,
      config,
      workplace.directory,
    );
    const scraped = (): Promise<boolean> =>
      prometheus.query('count_over_time(up[1m]) > 1').then(({ length }) => length > 0);
    await until(scraped);

    await collect(events(20));
    // PostgreSQL refuses the one, Kafka the other.
    await collect(events(1, { bad: true }));
    await collect(events(1, { text: 'x'.repeat(60_000) }));
    await until(async () => (await series('gotrack_events_dead_lettered_total')) === 2);
    await collector.drained('postgres');
    await proxy.close();
    await failures();
    for (const length of [10_000, 1000]) {
      const large = events(10, { text: 'x'.repeat(length) });
      await until(async () => (await collect(large)) === 503);
    }
    await until(async () => (await series('gotrack_events_refused_total')) >= 10);
    await until(
      async () => (await collector.metric('gotrack_sink_up', { sink: 'postgres' })) === 0,
    );
    // A series that begins with its first event has a rate only from the second one on.
    const begun = ['status="499"', 'status="503"'].map(
      (status) => `rate(gotrack_http_requests_total{${status}}[5m]) > 0`,
    );
    await until(async () => {
      await failures();
      await collect(events(10, { text: 'x'.repeat(10_000) }));
      const found = await Promise.all(begun.map((rate) => prometheus.query(rate)));
      return found.every(({ length }) => length > 0);
    });
    await until(async () => (await prometheus.rules()).every(({ health }) => health === 'ok'));
  });

  afterAll(async () => {
    await prometheus?.stop();
    await workplace?.remove();
    await proxy?.close();
    await postgres.query(`drop table if exists ${table}`);
  });

  const dashboardsHere = async () =>
    [...(await readDashboards())].filter(([name]) => name !== OF_FLEETS);

  it('finds something with every query of every dashboard', async () => {
    await vi.waitFor(async () => {
      const nothing: string[] = [];
      for (const [name, { panels, annotations }] of await dashboardsHere()) {
        const queries = [
          ...panels.flatMap(({ title, targets = [] }) =>
            targets.map(({ expr }) => ({ title, expr })),
          ),
          ...annotations.list.map(({ expr }) => ({ title: 'starts of the process', expr })),
        ];
        for (const { title, expr } of queries) {
          const found = await prometheus.query(substituted(expr));
          if (found.length === 0 && !MAY_BE_EMPTY.has(title)) {
            nothing.push(`${name}, ${title}: ${expr}`);
          }
        }
      }
      expect(nothing).toEqual([]);
    });
  });

  it('finds values for every variable of every dashboard', async () => {
    await vi.waitFor(async () => {
      const nothing: string[] = [];
      for (const [name, { templating }] of await dashboardsHere()) {
        for (const { name: variable, definition = '' } of templating.list.filter(
          ({ type }) => type === 'query',
        )) {
          const [, selector = '', label = ''] =
            /^label_values\((?<selector>.+), (?<label>\w+)\)$/.exec(definition) ?? [];
          const values = await prometheus.labelValues(label, substituted(selector));
          if (values.length === 0) {
            nothing.push(`${name}, ${variable}`);
          }
        }
      }
      expect(nothing).toEqual([]);
    });
  });

  it('evaluates every rule, and something with every recording rule', async () => {
    const rules = await prometheus.rules();
    expect(rules.length).toBeGreaterThan(30);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    const empty: string[] = [];
    for (const { name, type } of rules) {
      if (
        type === 'recording' &&
        (await prometheus.query(`last_over_time(${name}[5m])`)).length === 0
      ) {
        empty.push(name);
      }
    }
    // The queue is small: it may be full before a second scrape has seen it grow.
    expect(
      empty.filter((name) => name !== 'job_instance:gotrack_queue_until_full:seconds'),
    ).toEqual([]);
  });

  it('has every series that an alert selects', async () => {
    const alerts = (await prometheus.rules()).filter(({ type }) => type === 'alerting');
    const nothing: string[] = [];
    for (const { name, query } of alerts) {
      const selectors = [
        ...query.matchAll(
          /\b(?:gotrack|process|nodejs|(?:job_instance\w*|source):gotrack)_[\w:]+(?:\{[^}]*\})?|\bup\{[^}]*\}/g,
        ),
      ].map(([selector]) => selector);
      expect(selectors).not.toEqual([]);
      for (const selector of selectors) {
        const found = await prometheus.query(`last_over_time(${selector}[5m])`);
        if (
          found.length === 0 &&
          !NOT_HERE.includes(selector.replace(/\{.*/, '')) &&
          selector !== 'job_instance:gotrack_queue_until_full:seconds'
        ) {
          nothing.push(`${name}: ${selector}`);
        }
      }
    }
    expect(nothing).toEqual([]);
  });

  it('tells of what is wrong here, and of nothing else, in whole sentences', async () => {
    const active = async () =>
      (await prometheus.rules()).flatMap(({ name, alerts = [] }) =>
        alerts.map(({ annotations }) => ({ name, annotations })),
      );
    const expected = [
      'GoTrackSinkDown',
      'GoTrackEventsRefused',
      'GoTrackDeadLetters',
      'GoTrackQueueAlmostFull',
    ];
    const wrong = new Set([
      'GoTrackTargetDown',
      'GoTrackTargetAbsent',
      'GoTrackLedgerBroken',
      'GoTrackCorruptRecords',
      'GoTrackQueueCommitsFailing',
    ]);
    // A scrape that takes longer than a second, on a machine that does other things too, is made up for by the next.
    let alerts = await active();
    await until(async () => {
      alerts = await active();
      const names = alerts.map(({ name }) => name);
      return (
        expected.every((name) => names.includes(name)) && !names.some((name) => wrong.has(name))
      );
    });
    const told = alerts.flatMap(({ annotations }) => Object.values(annotations));
    expect(told.filter((text) => /<error|<no value>|NaN|\{\{/.test(text))).toEqual([]);
  });

  it('answers the queries that users of the Go service have', async () => {
    for (const expression of [
      'rate(gotrack_events_ingested_total[5m])',
      'histogram_quantile(0.95, rate(gotrack_http_duration_seconds_bucket[5m]))',
      'sum(rate(gotrack_http_requests_total[5m])) by (endpoint)',
    ]) {
      expect(await prometheus.query(expression)).not.toEqual([]);
    }
    const endpoints = await prometheus.query(
      'sum(rate(gotrack_http_requests_total[5m])) by (endpoint) > 0',
    );
    expect(endpoints.map(({ metric }) => metric['endpoint'] ?? '').toSorted()).toEqual([
      '/collect',
      '/healthz',
      '/px.gif',
      '/readyz',
      'other',
    ]);
    expect(
      await prometheus.query(
        'rate(gotrack_sink_errors_total[5m]) / rate(gotrack_events_ingested_total[5m])',
      ),
    ).toEqual([]);
    const ratio = await prometheus.query(
      'job_instance_sink:gotrack_sink_errors_per_event:rate5m{sink="postgres"} > 0',
    );
    expect(ratio).toHaveLength(1);
  });

  it('sees a dead sink fail more often than 0.1 times a second, for as long as it is dead', async () => {
    const failing = 'sum by (sink) (rate(gotrack_sink_errors_total[20s])) > 0.1';
    const isSeen = async (): Promise<boolean> =>
      (await prometheus.query(failing)).some(({ metric }) => metric['sink'] === 'postgres');
    await until(isSeen);
    // By then the backoff has reached its end.
    const began = Number((await prometheus.query('vector(time())'))[0]?.value[1]);
    await until(
      async () => Number((await prometheus.query('vector(time())'))[0]?.value[1]) > began + 30,
    );
    const gaps = await prometheus.query(
      `min_over_time((sum by (sink) (rate(gotrack_sink_errors_total{sink="postgres"}[20s])))[30s:1s]) <= 0.1`,
    );
    expect(gaps).toEqual([]);
    expect(await isSeen()).toBe(true);

    await proxy.open();
    await collector.drained('postgres');
    await until(async () => !(await isSeen()));
  });

  it('scrapes no metric that the documents do not tell of', async () => {
    const told = new Set(metricsIn(await readFile('docs/metrics.md', 'utf8')));
    const scraped = await prometheus.labelValues('__name__', '{job="gotrack"}');
    const own = scraped.filter((name) => metricsIn(name).length > 0);
    expect(own.length).toBeGreaterThan(50);
    const untold = own.filter((name) => !told.has(name.replace(/_(?:bucket|sum|count)$/, '')));
    expect(untold).toEqual([]);
  });

  it('scrapes every metric that a dashboard or a rule names', async () => {
    const exposed = new Set((await collector.metrics()).map(({ name }) => name));
    const texts = [
      ...(await readFolder(RULES)).map(([, text]) => text),
      ...[...(await readDashboards()).values()].map(({ panels, templating, annotations }) =>
        JSON.stringify([
          panels.map(({ targets }) => targets?.map(({ expr }) => expr)),
          templating.list.map(({ definition }) => definition),
          annotations.list.map(({ expr }) => expr),
        ]),
      ),
    ];
    const named = new Set(texts.flatMap((text) => metricsIn(text)));
    expect(named.size).toBeGreaterThan(40);
    const unknown = [...named].filter((name) => !exposed.has(name));
    expect(unknown.toSorted()).toEqual(NOT_HERE);
  });
});
