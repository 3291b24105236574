import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstNotEmpty, parseQuery, rawQueryOf, withoutQuestionMark } from './query.js';

/** As `URLSearchParams` reads it behind the `?` of an address. */
function expected(rawQuery: string): Map<string, string | string[]> {
  const all = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(`?${rawQuery}`)) {
    all.set(name, [...(all.get(name) ?? []), value]);
  }
  return new Map(
    [...all].map(([name, values]) => [name, values.length === 1 ? (values[0] as string) : values]),
  );
}

describe('parseQuery', () => {
  it.each([
    ['a=spring%2', { a: 'spring%2' }],
    ['a=50%25+off+100%', { a: '50% off 100%' }],
    ['a=Caf%E9&b=%C3%A9', { a: 'Caf\u{FFFD}', b: 'é' }],
    ['a=ä%zz', { a: 'ä%zz' }],
    ['a=1&a=2&b', { a: ['1', '2'], b: '' }],
  ])('reads %s', (rawQuery, query) => {
    expect(Object.fromEntries(parseQuery(rawQuery))).toEqual(query);
  });

  it('decodes as URLSearchParams does, whatever the text', () => {
    const bytes = fc.uint8Array({ maxLength: 20 });
    const pieces = [
      'a',
      '__proto__',
      '=',
      '&',
      '+',
      '%',
      '%2',
      '%41',
      '%C3%A4',
      '%C3',
      '%E9',
      '%FF',
    ];
    const more = [
      '%zz',
      ';',
      '?',
      '#',
      'ä',
      '\u{D83D}',
      '😀',
      '%F0%9F',
      '%ED%A0%80',
      '%00',
      '%26',
      '%3D',
    ];
    const text = fc.oneof(
      bytes.map((all) => Buffer.from(all).toString('latin1')),
      bytes.map((all) => Buffer.from(all).toString()),
      bytes.map((all) => Buffer.from(all).toString('hex').replaceAll(/../g, '%$&')),
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom(...pieces, ...more)).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 3 }), (texts) => {
        const rawQuery = texts.join('');
        expect(parseQuery(rawQuery)).toEqual(expected(rawQuery));
      }),
      { numRuns: 500 },
    );
  });
});

it.each([
  ['/px.gif', ''],
  ['/px.gif?', ''],
  ['/px.gif?a=1?b', 'a=1?b'],
  ['/px.gif??a=1', 'a=1'],
  ['http://host/px.gif?a=1#b', 'a=1#b'],
])('finds the query of %s', (target, query) => {
  expect(rawQueryOf(target)).toBe(query);
});

it('takes every question mark off the front', () => {
  expect(withoutQuestionMark('??a=?')).toBe('a=?');
});

it.each([
  [undefined, undefined],
  ['', ''],
  [['', 'a', 'b'], 'a'],
  [['', ''], ''],
])('finds the first of %j that is not empty', (value, first) => {
  expect(firstNotEmpty(value)).toBe(first);
});
