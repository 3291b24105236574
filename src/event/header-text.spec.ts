import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerText } from './header-text.js';

describe('headerText', () => {
  it.each([
    ['Mozilla/5.0', 'Mozilla/5.0'],
    [Buffer.from('Besucher-Ä 😀').toString('latin1'), 'Besucher-Ä 😀'],
    ['Besucher-Ä', 'Besucher-Ä'],
    ['\u{C3}', '\u{C3}'],
  ])('reads %j', (header, text) => {
    expect(headerText(header)).toBe(text);
  });

  it('gives well-formed text, and the same bytes where they are UTF-8', () => {
    const utf8 = fc.string({ unit: 'grapheme' }).map((text) => new Uint8Array(Buffer.from(text)));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), utf8), (bytes) => {
        const header = Buffer.from(bytes).toString('latin1');
        const text = headerText(header);
        expect(text.isWellFormed()).toBe(true);
        expect(Buffer.from(text, isUtf8(bytes) ? 'utf8' : 'latin1')).toEqual(Buffer.from(bytes));
      }),
    );
  });
});
