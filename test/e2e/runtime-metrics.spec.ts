import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Collector, until, Workplace } from '../support/collector.js';
import { DEBUGGABLE, Debugger } from '../support/debugger.js';
import type { Sample } from '../support/parse-metrics.js';

const LAG_COUNT = 'nodejs_eventloop_lag_seconds_count';
const GC_COUNT = 'nodejs_gc_duration_seconds_count';
const CUMULATIVE = /^nodejs_(?:eventloop_lag|gc_duration)_seconds_(?:bucket|count|sum)$/;

let workplace: Workplace;
let collector: Collector;

beforeEach(async () => {
  workplace = await Workplace.create();
  collector = await workplace.start(DEBUGGABLE);
});

afterEach(() => workplace.remove());

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

  it('count every forced garbage collection', async () => {
    const major = (): Promise<number> => collector.metric(GC_COUNT, { kind: 'major' });
    const before = await major();
    await collectGarbage(5);
    await until(async () => (await major()) >= before + 5);
    expect(await major()).toBeGreaterThanOrEqual(before + 5);
  });
});
