import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { EventLoopLag } from './event-loop-lag.js';

function shown() {
  const lag = new EventLoopLag();
  const registry = new Registry();
  lag.registerOn(registry);
  const value = async (series: string): Promise<number> => {
    const lines = (await registry.metrics()).split('\n');
    const line = lines.find((each) => each.startsWith(`${series} `));
    return Number(line?.slice(series.length + 1));
  };
  return { lag, value };
}

describe('EventLoopLag', () => {
  it('shows 0 before the first sample', async () => {
    const { value } = shown();
    await expect(value('nodejs_eventloop_lag_p99_seconds')).resolves.toBe(0);
    await expect(value('nodejs_eventloop_lag_seconds_count')).resolves.toBe(0);
  });

  it('shows quantiles of the last 500 samples only', async () => {
    const { lag, value } = shown();
    lag.sample(60);
    for (let hundredths = 1; hundredths <= 500; hundredths += 1) {
      lag.sample(hundredths / 100);
    }
    await expect(value('nodejs_eventloop_lag_p50_seconds')).resolves.toBe(2.5);
    await expect(value('nodejs_eventloop_lag_p99_seconds')).resolves.toBe(4.95);
  });

  it('shows every scraper the same', async () => {
    const { lag, value } = shown();
    lag.sample(0.3);
    for (const _ of ['first', 'second']) {
      await expect(value('nodejs_eventloop_lag_p50_seconds')).resolves.toBe(0.3);
      await expect(value('nodejs_eventloop_lag_seconds_count')).resolves.toBe(1);
    }
  });

  it('takes a timer that fires early for punctual', async () => {
    const { lag, value } = shown();
    lag.sample(-0.004);
    await expect(value('nodejs_eventloop_lag_seconds_sum')).resolves.toBe(0);
    await expect(value('nodejs_eventloop_lag_seconds_count')).resolves.toBe(1);
  });

  it('samples while it runs', async () => {
    const { lag, value } = shown();
    lag.start();
    try {
      await expect.poll(() => value('nodejs_eventloop_lag_seconds_count')).toBeGreaterThan(1);
    } finally {
      lag.stop();
    }
  });
});
