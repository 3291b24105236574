import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText } from './decode-text.js';

function decoded(bytes: Buffer, pieceBytes?: number): { text: string; pieces: number } {
  const work = decodeText(bytes, pieceBytes);
  for (let pieces = 0; ; pieces += 1) {
    const step = work.next();
    if (step.done) {
      return { text: step.value, pieces };
    }
  }
}

/** As they stand in text, in wrong places, and such that no UTF-8 has. */
const byte = fc.oneof(
  fc.constantFrom(0x41, 0x80, 0xbf, 0xc3, 0xe0, 0xe6, 0xed, 0xa0, 0xf0, 0x90, 0xf4, 0xff),
  fc.integer({ min: 0, max: 255 }),
);
const letters = fc.string({ unit: 'grapheme' }).map((text) => Array.from(Buffer.from(text)));
const bytes = fc
  .array(fc.oneof(fc.array(byte, { maxLength: 6 }), letters), { maxLength: 12 })
  .map((parts) => Buffer.from(parts.flat()));

describe('decodeText', () => {
  it('gives, in pieces of any length, what the bytes are as a whole', () => {
    fc.assert(
      fc.property(bytes, fc.integer({ min: 4, max: 16 }), (input, pieceBytes) => {
        expect(decoded(input, pieceBytes).text).toBe(new TextDecoder().decode(input));
      }),
      { numRuns: 2000 },
    );
  });

  it('pauses between the pieces of a large text', () => {
    expect(decoded(Buffer.alloc(1024 * 1024, 'é')).pieces).toBeGreaterThanOrEqual(4);
  });
});
