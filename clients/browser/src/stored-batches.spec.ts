import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakePage } from './fake-page.js';

const DAY_MS = 24 * 3_600_000;

let page: FakePage;
beforeEach(() => {
  page = new FakePage();
});
afterEach(() => page.close());

async function load() {
  const { openStore } = await import('./store.js');
  openStore();
  return { ...(await import('./stored-batches.js')), ...(await import('./batches.js')) };
}

describe('stored batches', () => {
  it('come back as they were, once they may be sent', async () => {
    const { keepBatch, dueBatch, batchNames, newBatch } = await load();
    const batch = newBatch('{"a":"ü,"},{}');
    keepBatch(batch, 5000);
    expect(batchNames()).toEqual([batch.name]);
    expect(dueBatch(batch.name)).toBeUndefined();
    vi.advanceTimersByTime(5001);
    expect(dueBatch(batch.name)).toEqual({ ...batch, isStored: true });
  });

  it('are listed by age, among what the page itself stores', async () => {
    page.storage['theme'] = 'dark';
    const { keepBatch, batchNames, newBatch } = await load();
    const made = [0, 1, 2].map(() => {
      vi.advanceTimersByTime(10);
      return newBatch('{}');
    });
    for (const batch of made.toReversed()) {
      keepBatch(batch, 0);
    }
    expect(batchNames()).toEqual(made.map(({ name }) => name));
  });

  it('are bounded: the oldest give way', async () => {
    const { keepBatch, trimBatches, batchNames, newBatch } = await load();
    const events = JSON.stringify('x'.repeat(29_000));
    const made = Array.from({ length: 80 }, () => {
      vi.advanceTimersByTime(1);
      const batch = newBatch(events);
      keepBatch(batch, 0);
      return batch.name;
    });
    trimBatches();
    const size = Object.values(page.storage).reduce((sum, { length }) => sum + length, 0);
    expect(size).toBeLessThanOrEqual(2_000_000);
    expect(batchNames()).toEqual(made.slice(-68));
  });

  it('hold 1,000 long events', async () => {
    const { keepBatch, trimBatches, batchNames, addToBatches } = await load();
    const event = JSON.stringify({ type: 'x'.repeat(1900) });
    const batches: Parameters<typeof addToBatches>[0] = [];
    for (let n = 0; n < 1000; n += 1) {
      addToBatches(batches, event);
    }
    batches.forEach((batch) => keepBatch(batch, 0));
    trimBatches();
    expect(batchNames()).toHaveLength(batches.length);
  });

  it.each([8 * DAY_MS, -8 * DAY_MS])('are removed when they are %i ms old', async (age) => {
    const { keepBatch, dueBatch, batchNames, newBatch } = await load();
    const batch = newBatch('{}');
    keepBatch(batch, 0);
    vi.setSystemTime(Date.now() + age);
    expect(dueBatch(batch.name)).toBeUndefined();
    expect(batchNames()).toEqual([]);
  });

  it('may be sent when the clock that stored them was ahead', async () => {
    const { keepBatch, dueBatch, newBatch } = await load();
    const batch = newBatch('{}');
    keepBatch(batch, 5000);
    vi.setSystemTime(Date.now() - DAY_MS);
    expect(dueBatch(batch.name)).toBeDefined();
  });
});
