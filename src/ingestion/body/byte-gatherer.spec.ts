import { describe, expect, it } from 'vitest';
import { ByteGatherer } from './byte-gatherer.js';

describe('ByteGatherer', () => {
  it('joins pieces in their order', () => {
    const gathered = new ByteGatherer();
    const pieces = ['a', '', 'bcd', 'e'.repeat(100), 'f'];
    for (const piece of pieces) {
      gathered.append(Buffer.from(piece));
    }
    expect(gathered.bytes.toString()).toBe(pieces.join(''));
  });

  it('is empty without pieces', () => {
    expect(new ByteGatherer().bytes).toHaveLength(0);
  });

  it('holds little more than the bytes when they come one by one', () => {
    const gathered = new ByteGatherer();
    for (let index = 0; index < 10_000; index += 1) {
      gathered.append(Buffer.from([index % 256]));
    }
    expect(gathered.bytes).toHaveLength(10_000);
    expect(gathered.bytes.buffer.byteLength).toBeLessThanOrEqual(20_000);
  });
});
