import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { GcDurations } from './gc-durations.js';

async function majorCollections(registry: Registry): Promise<number> {
  const text = await registry.metrics();
  return Number(/^nodejs_gc_duration_seconds_count\{kind="major"\} (\d+)$/m.exec(text)?.[1]);
}

describe('GcDurations', () => {
  it('shows each kind before the first collection', async () => {
    const registry = new Registry();
    new GcDurations().registerOn(registry);
    const text = await registry.metrics();
    for (const kind of ['minor', 'major', 'incremental', 'weakcb']) {
      expect(text).toContain(`nodejs_gc_duration_seconds_count{kind="${kind}"} 0`);
    }
  });

  it('counts every collection, also when several are reported at once', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const registry = new Registry();
    const durations = new GcDurations();
    durations.registerOn(registry);
    durations.start();
    try {
      for (let round = 0; round < 5; round += 1) {
        collect();
      }
      await expect.poll(() => majorCollections(registry)).toBeGreaterThanOrEqual(5);
    } finally {
      durations.stop();
    }
  });
});
