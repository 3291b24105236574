import { gunzipSync } from 'node:zlib';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { holdUp, Turns } from '../../test/support/servers/event-loop.js';
import { Exposition } from './exposition.js';
import { registerCollected } from './collected-metric.js';

/** Its only metric shows how often it was rendered. */
function rendered(): Exposition {
  const registry = new Registry();
  let renderings = 0;
  registerCollected(
    registry,
    { type: 'counter', name: 'renderings', help: 'All.', labelNames: [] },
    () => {
      renderings += 1;
      return [[{}, renderings]];
    },
  );
  return new Exposition(registry);
}

describe('Exposition', () => {
  it('is text in format 0.0.4', () => {
    expect(rendered().contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it('renders once for all who ask at the same time, compressed or not', async () => {
    const exposition = rendered();
    const [first, second, third, fourth] = await Promise.all([
      exposition.text(),
      exposition.gzipped(),
      exposition.text(),
      exposition.gzipped(),
    ]);
    expect(first).toContain('\nrenderings 1\n');
    expect(third).toBe(first);
    expect(gunzipSync(second).toString()).toBe(first);
    expect(fourth).toBe(second);
  });

  it('renders again for one that asks later', async () => {
    const exposition = rendered();
    await exposition.text();
    await expect(exposition.text()).resolves.toContain('\nrenderings 2\n');
    await exposition.gzipped();
    const again = await exposition.gzipped();
    expect(gunzipSync(again).toString()).toContain('\nrenderings 4\n');
  });

  it('gives others their turn between metrics that take long to write', async () => {
    const registry = new Registry();
    const slow = {
      toString: () => {
        holdUp(5);
        return 'slow';
      },
    };
    for (let n = 0; n < 10; n += 1) {
      const instrument = { type: 'gauge', name: `g${n}`, help: 'One.', labelNames: ['l'] } as const;
      registerCollected(registry, instrument, () => [[{ l: slow as unknown as string }, n]]);
    }
    const turns = new Turns();
    const text = await new Exposition(registry).text();
    turns.stop();

    expect(text).toBe(await registry.metrics());
    expect(turns.count).toBeGreaterThanOrEqual(10);
  });

  it('renders again after a rendering that failed', async () => {
    const registry = new Registry();
    const failures = [new Error('first')];
    registerCollected(
      registry,
      { type: 'counter', name: 'fine', help: 'All.', labelNames: [] },
      () => {
        const failure = failures.pop();
        if (failure) {
          throw failure;
        }
        return [[{}, 1]];
      },
    );
    const exposition = new Exposition(registry);
    await expect(exposition.gzipped()).rejects.toThrow('first');
    await expect(exposition.text()).resolves.toContain('\nfine 1\n');
  });
});
