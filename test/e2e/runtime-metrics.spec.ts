import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Collector, sumOf, until, Workplace } from '../support/servers/collector.js';
import { DEBUGGABLE, Debugger } from '../support/servers/debugger.js';
import type { Sample } from '../support/servers/parse-metrics.js';
import {
  findPrometheus,
  Prometheus,
  type PrometheusPrograms,
} from '../support/servers/prometheus.js';

const programs = findPrometheus();

const LAG_COUNT = 'nodejs_eventloop_lag_seconds_count';
const GC_COUNT = 'nodejs_gc_duration_seconds_count';
const LAG_BUCKET = 'nodejs_eventloop_lag_seconds_bucket';
const CUMULATIVE = /^nodejs_(?:eventloop_lag|gc_duration)_seconds_(?:bucket|count|sum)$/;

let workplace: Workplace;
let collector: Collector;

beforeEach(async () => {
  workplace = await Workplace.create();
  collector = await workplace.start(DEBUGGABLE);
});

afterEach(() => workplace.remove());

/** How often the event loop was late by more than a quarter of a second. */
async function longLags(): Promise<number> {
  const samples = await collector.metrics();
  return sumOf(samples, LAG_COUNT) - sumOf(samples, LAG_BUCKET, { le: '0.25' });
}

async function collectGarbage(times: number): Promise<void> {
  const program = await Debugger.attach(collector);
  for (let n = 0; n < times; n += 1) {
    await program.collectGarbage();
  }
  await program.close();
}

function cumulative(samples: readonly Sample[]): Map<string, number> {
  return new Map(
    samples
      .filter(({ name }) => CUMULATIVE.test(name))
      .map(({ name, labels, value }) => [`${name} ${JSON.stringify(labels)}`, value]),
  );
}

describe('runtime metrics', () => {
  it('tell two scrapers the same: what one has read is not taken from the other', async () => {
    await collectGarbage(3);
    await until(async () => (await collector.metric(LAG_COUNT)) > 20);
    await until(async () => (await collector.metric(GC_COUNT, { kind: 'major' })) >= 3);
    const scrapes: Map<string, number>[] = [];
    for (const _ of ['one', 'other', 'one', 'other']) {
      scrapes.push(cumulative(await collector.metrics()));
    }
    expect(scrapes[0]?.size).toBeGreaterThan(20);
    const fallen = scrapes.slice(1).flatMap((scrape, index) =>
      [...(scrapes[index] ?? [])].filter(([series, before]) => {
        const after = scrape.get(series);
        return after === undefined || after < before;
      }),
    );
    expect(fallen).toEqual([]);
  });

  it.skipIf(!programs)('give two jobs of a real Prometheus the same figures', async () => {
    const target = `static_configs: [{ targets: ['${new URL(collector.metricsUrl).host}'] }]`;
    const jobs = ['one', 'other'];
    await writeFile(
      workplace.path('prometheus.yml'),
      ['global: { scrape_interval: 1s }', 'scrape_configs:']
        .concat(jobs.map((job) => `  - job_name: ${job}\n    ${target}`))
        .join('\n'),
    );
    const prometheus = await Prometheus.start(
      programs as PrometheusPrograms,
      workplace.path('prometheus.yml'),
      workplace.directory,
    );
    onTestFinished(() => prometheus.stop());
    const valuesOf = async (expression: string): Promise<number[]> =>
      (await prometheus.query(expression)).map(({ value: [, value] }) => Number(value));
    const collections = 'nodejs_gc_duration_seconds_count{kind="major"}';
    const lags = `${LAG_COUNT} - ignoring (le) ${LAG_BUCKET}{le="0.25"}`;
    await until(async () => (await valuesOf(collections)).length === jobs.length);
    const [before = 0] = await valuesOf(collections);
    const lagsBefore = await longLags();

    const program = await Debugger.attach(collector);
    for (let n = 0; n < 3; n += 1) {
      await program.collectGarbage();
      const lagsSoFar = await longLags();
      await program.evaluate(`for (const end = Date.now() + 400; Date.now() < end;);`);
      // A second one right after it would be measured as one with it.
      await until(async () => (await longLags()) > lagsSoFar);
    }
    await program.close();

    for (const [expression, least] of [
      [collections, before + 3],
      [lags, lagsBefore + 3],
    ] as const) {
      await until(async () => {
        const [one = 0, other, ...more] = await valuesOf(expression);
        return one >= least && other === one && more.length === 0;
      });
    }
    // What one of them has scraped is not taken from the other: no scrape saw less than the one before.
    const resets = await valuesOf(
      'sum by (job) (resets({__name__=~"nodejs_(eventloop_lag|gc_duration)_seconds_count"}[5m]))',
    );
    expect(resets).toEqual(jobs.map(() => 0));
  });

  it('count every forced garbage collection', async () => {
    const major = (): Promise<number> => collector.metric(GC_COUNT, { kind: 'major' });
    const before = await major();
    await collectGarbage(5);
    await until(async () => (await major()) >= before + 5);
    expect(await major()).toBeGreaterThanOrEqual(before + 5);
  });
});
