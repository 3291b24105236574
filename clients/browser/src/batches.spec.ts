import { describe, expect, it } from 'vitest';
import { addToBatches, type Batch, bodyOf, madeAt, newBatch } from './batches.js';

const bytesOf = (batch: Batch): number => Buffer.byteLength(bodyOf(batch));

describe('batches', () => {
  it('puts events into one body while they fit', () => {
    const batches: Batch[] = [];
    addToBatches(batches, '{"a":1}');
    addToBatches(batches, '{"b":"ü"}');
    expect(batches.map(bodyOf)).toEqual(['[{"a":1},{"b":"ü"}]']);
    expect(batches[0]!.bytes).toBe(bytesOf(batches[0]!));
  });

  it('splits by bytes, not by characters', () => {
    const batches: Batch[] = [];
    const json = JSON.stringify({ text: '€'.repeat(3000) });
    for (let count = 0; count < 10; count += 1) {
      addToBatches(batches, json);
    }
    expect(batches.length).toBeGreaterThan(3);
    for (const batch of batches) {
      expect(batch.bytes).toBe(bytesOf(batch));
      expect(batch.bytes).toBeLessThanOrEqual(30_000);
    }
    expect(batches.flatMap((batch) => JSON.parse(bodyOf(batch)) as unknown[])).toHaveLength(10);
  });

  it('lets an event that is too large for a batch stand alone', () => {
    const batches: Batch[] = [];
    const large = JSON.stringify('x'.repeat(50_000));
    for (const json of ['{}', large, '{}']) {
      addToBatches(batches, json);
    }
    expect(batches.map(({ events }) => events.length)).toEqual([2, large.length, 2]);
  });

  it('has no signature any more when an event is added', () => {
    const batches = [{ ...newBatch('{}'), signedAs: 'ab' }];
    addToBatches(batches, '{}');
    expect(batches[0]!.signedAs).toBeUndefined();
  });

  it('knows its own names, which say when they were made', () => {
    const { name } = newBatch('{}');
    expect(Math.abs(madeAt(name) - Date.now())).toBeLessThan(60_000);
    expect(['gt_sid', 'theme', 'gt_qx.y', 'my_gt_q1.x'].map(madeAt)).toEqual([NaN, NaN, NaN, NaN]);
  });
});
