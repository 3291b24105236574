import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { NumberLiteral } from './number-literal.js';
import { parseJson } from './parse-json.js';

/** A number of JSON, as its text. */
const numberText = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(
      fc.constant('0'),
      fc.stringMatching(/^[1-9]\d{0,30}$/),
      fc.constantFrom('9007199254740991', '9007199254740992', '9007199254740993'),
    ),
    fc.oneof(fc.constant(''), fc.stringMatching(/^\.\d{1,20}$/)),
    fc.oneof(fc.constant(''), fc.stringMatching(/^[eE][+-]?\d{1,3}$/)),
  )
  .map((parts) => parts.join(''));

function isExact(text: string): boolean {
  return Math.abs(Number(text)) <= Number.MAX_SAFE_INTEGER;
}

describe('parseJson', () => {
  it.each([
    ['{"a":12345678901234567890}', '{"a":12345678901234567890}'],
    ['{"a":[-1e400,1E+400,9007199254740993]}', '{"a":[-1e400,1E+400,9007199254740993]}'],
    ['{"a": 1.5e300 , "b":\n123456789012345678.5}', '{"a":1.5e300,"b":123456789012345678.5}'],
    ['{"__proto__":1e400}', '{"__proto__":1e400}'],
    ['{"a":9007199254740991,"b":1e2,"c":0e999}', '{"a":9007199254740991,"b":100,"c":0}'],
    ['{"a":0.1234567890123456789,"b":1e-400}', '{"a":0.12345678901234568,"b":0}'],
    ['{"a":":1e400,","b":1e400}', '{"a":":1e400,","b":1e400}'],
    ['{":1e400,\\\\":1e400,"b":"\\\\\\":1e400,"}', '{":1e400,\\\\":1e400,"b":"\\\\\\":1e400,"}'],
  ])('keeps the digits of %s', (text, written) => {
    expect(JSON.stringify(parseJson(text))).toBe(written);
  });

  it('is JSON.parse for texts without such a number, and parses them once', () => {
    const parse = vi.spyOn(JSON, 'parse');
    for (const text of [
      '{"a":1764000000000123,"b":"1e400 :1e400,"}',
      '[1.5]',
      '"x"',
      'null',
      '\n1e400',
    ]) {
      parse.mockClear();
      const value = parseJson(text);
      expect(parse).toHaveBeenCalledTimes(1);
      expect(value).toEqual(JSON.parse(text));
    }
    parse.mockRestore();
  });

  it('throws as JSON.parse does', () => {
    for (const text of ['', '{', '{"a":1e400', '[1e400]]', '{"a":01}']) {
      expect(() => parseJson(text)).toThrow(SyntaxError);
    }
  });

  it('keeps every number, whatever stands around it', () => {
    const leaf = fc.oneof(
      numberText,
      fc
        .string({ unit: fc.constantFrom('"', '\\', ':', ',', '[', '1', 'e', '1e400', ' ') })
        .map((text) => JSON.stringify(text)),
      fc.constantFrom('null', 'true', '{}', '[]'),
    );
    const blank = fc.constantFrom('', ' ', '\n', '\t');
    const { tree } = fc.letrec<{ tree: string }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc
          .array(
            fc.tuple(blank, tie('tree'), blank).map((all) => all.join('')),
            { maxLength: 4 },
          )
          .map((all) => `[${all.join(',')}]`),
        fc
          .uniqueArray(
            // No escapes: JSON.parse of V8 14.6 mixes up names that differ in an escape only.
            fc.tuple(fc.constantFrom('a', '__proto__', 'b', ':1e400,'), blank, tie('tree')),
            { maxLength: 4, selector: ([name]) => name },
          )
          .map(
            (all) =>
              `{${all.map(([name, space, value]) => `${JSON.stringify(name)}:${space}${value}`).join(',')}}`,
          ),
      ),
    }));
    fc.assert(
      fc.property(tree, (text) => {
        // The text is made of tokens: written again, each inexact number has its own digits.
        const tokens = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|\s+|[^\s\d"-]/g;
        const expected = text.replaceAll(tokens, (token) => {
          if (/^\s/.test(token)) {
            return '';
          }
          return /^[-\d]/.test(token) && isExact(token) ? JSON.stringify(Number(token)) : token;
        });
        const written = JSON.stringify(parseJson(`[${text}]`));
        expect(written).toBe(`[${expected}]`);
      }),
      { numRuns: 1000 },
    );
  });

  it('survives what is nested without end, and spares its neighbours', () => {
    const deep = '['.repeat(500_000) + '1e400' + ']'.repeat(500_000);
    const [, event] = parseJson(`[${deep},{"a":1e400}]`) as [unknown, object];
    expect(JSON.stringify(event)).toBe('{"a":1e400}');
  });

  it.each([':1', ',1e400', '"\\\\', ':1e', '1'])(
    'takes no long time for %j again and again',
    (part) => {
      const startedAt = performance.now();
      parseJson(JSON.stringify([part.repeat(300_000), 1]).replace(/1\]$/, '1e400]'));
      expect(performance.now() - startedAt).toBeLessThan(30_000);
    },
  );
});

describe('NumberLiteral', () => {
  it.each([
    ['1'.repeat(400), true],
    ['1'.repeat(401), false],
    ['1e400', true],
    ['-1E+400', true],
    ['1e401', false],
    [`1${'0'.repeat(30)}e-400`, true],
    [`1${'0'.repeat(30)}e-401`, false],
    ['1e99999999999999999999', false],
  ])('knows whether %s can be stored', (text, expected) => {
    expect(new NumberLiteral(text).isStorable).toBe(expected);
  });
});
