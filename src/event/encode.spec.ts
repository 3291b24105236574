import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode, encodeInPieces, encodeText } from './encode.js';
import { resultOf } from './work.js';

const NUL = '\u{0}';
const HIGH = '\u{D83D}';
const LOW = '\u{DE00}';
const REPLACED = '\u{FFFD}';

function decoded(value: object): unknown {
  return JSON.parse(encode(value).toString());
}

describe('encode', () => {
  it.each([
    ['NUL', `a${NUL}b`, `a${REPLACED}b`],
    ['a lone high surrogate', `a${HIGH}b`, `a${REPLACED}b`],
    ['a lone low surrogate', `a${LOW}b`, `a${REPLACED}b`],
    ['surrogates in the wrong order', LOW + HIGH, REPLACED + REPLACED],
    ['a NUL after backslashes', `\\\\${NUL}`, `\\\\${REPLACED}`],
  ])('replaces %s', (_, text, expected) => {
    expect(decoded({ text })).toEqual({ text: expected });
    expect(decoded({ [text]: 1 })).toEqual({ [expected]: 1 });
  });

  it.each([
    ['a pair of surrogates', HIGH + LOW],
    ['the text of an escape', '\\u0000 \\ud800'],
    ['the text of an escape after backslashes', '\\\\u0000'],
    ['other control characters', '\u{1}\b\t\r\n\u{1F}\u{7F}'],
    ['line separators', '\u{2028}\u{2029}'],
    ['a byte order mark', '\u{FEFF}'],
  ])('keeps %s', (_, text) => {
    expect(decoded({ [text]: text })).toEqual({ [text]: text });
  });

  it('writes numbers that JSON does not know as null', () => {
    expect(decoded({ a: Infinity, b: [-Infinity] })).toEqual({ a: null, b: [null] });
  });

  it('writes one line of valid UTF-8 without NUL, whatever the text', () => {
    const unit = fc.constantFrom(
      '\\',
      'u0000',
      'ud800',
      '"',
      '\n',
      'ä',
      NUL,
      HIGH,
      LOW,
      HIGH + LOW,
    );
    fc.assert(
      fc.property(fc.string({ unit }), (text) => {
        const line = new TextDecoder('utf-8', { fatal: true }).decode(encode({ text }));
        expect(line).not.toContain('\n');
        expect(JSON.parse(line)).toEqual({ text: text.toWellFormed().replaceAll(NUL, REPLACED) });
      }),
    );
  });

  it('writes the same in pieces, whatever is long', () => {
    const text = fc
      .tuple(fc.constantFrom('a', '\\', NUL, HIGH + LOW, HIGH), fc.constantFrom(1, 300, 20_000))
      .map(([unit, length]) => unit.repeat(length));
    const list = (element: fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> =>
      fc
        .tuple(element, fc.constantFrom(0, 1, 255, 256, 257, 600))
        .map(([one, length]) => Array.from({ length }, () => one));
    const { value } = fc.letrec<{ value: unknown; list: unknown[] }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 2 },
        fc.constantFrom(null, 1.5, true, 'a', '[', '","'),
        text,
        tie('list'),
        fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), tie('value')),
      ),
      list: list(tie('value')),
    }));
    fc.assert(
      fc.property(value, (given) => {
        expect(resultOf(encodeInPieces({ given })) === encodeText({ given })).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('pauses within long lists', () => {
    const long = Array.from({ length: 10_000 }, (_, index) => index);
    expect([...encodeInPieces({ a: [[long]] })].length).toBeGreaterThan(30);
  });
});
