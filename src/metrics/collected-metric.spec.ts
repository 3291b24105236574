import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { BucketCounts } from './bucket-counts.js';
import type { NumberInstrument } from './instruments.js';
import { registerCollected, registerCollectedHistogram } from './collected-metric.js';

const depth: NumberInstrument<'sink'> = {
  type: 'gauge',
  name: 'depth',
  help: 'How deep.',
  labelNames: ['sink'],
};

describe('registerCollected', () => {
  it('shows what the samples are at each scrape', async () => {
    const registry = new Registry();
    let value = 1;
    registerCollected(registry, depth, () => [[{ sink: 'log' }, value]]);

    await expect(registry.metrics()).resolves.toBe(
      '# HELP depth How deep.\n# TYPE depth gauge\ndepth{sink="log"} 1\n',
    );
    value = 2;
    await expect(registry.metrics()).resolves.toContain('depth{sink="log"} 2\n');
  });

  it('waits for samples that have to be fetched', async () => {
    const registry = new Registry();
    registerCollected(registry, depth, () => Promise.resolve([[{ sink: 'log' }, 3] as const]));
    await expect(registry.metrics()).resolves.toContain('depth{sink="log"} 3\n');
  });

  it('leaves out a series that is no longer among the samples', async () => {
    const registry = new Registry();
    const sinks = new Set(['log', 'kafka']);
    registerCollected(registry, depth, () => Array.from(sinks, (sink) => [{ sink }, 1] as const));
    await expect(registry.metrics()).resolves.toContain('kafka');
    sinks.delete('kafka');
    await expect(registry.metrics()).resolves.not.toContain('kafka');
  });
});

describe('registerCollectedHistogram', () => {
  it('shows cumulative buckets, their sum and their count', async () => {
    const registry = new Registry();
    const counts = new BucketCounts([0.5, 1]);
    for (const value of [0.25, 0.75, 0.75, 5]) {
      counts.observe(value);
    }
    registerCollectedHistogram(
      registry,
      { type: 'histogram', name: 'took', help: 'Time.', labelNames: ['sink'], buckets: [0.5, 1] },
      () => [[{ sink: 'log' }, counts]],
    );
    const lines = (await registry.metrics()).trimEnd().split('\n');
    expect(lines).toEqual([
      '# HELP took Time.',
      '# TYPE took histogram',
      'took_bucket{sink="log",le="0.5"} 1',
      'took_bucket{sink="log",le="1"} 3',
      'took_bucket{sink="log",le="+Inf"} 4',
      'took_sum{sink="log"} 6.75',
      'took_count{sink="log"} 4',
    ]);
  });
});
