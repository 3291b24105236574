import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  withoutCredentials,
  withoutCredentialsInPieces,
  withoutCredentialsInside,
} from './credentials.js';
import { resultOf } from './work.js';

describe('withoutCredentials', () => {
  it.each([
    ['https://user:secret@a.b/c?d@e#f@g', 'https://a.b/c?d@e#f@g'],
    ['https://user@a.b', 'https://a.b'],
    ['HTTPS://u:p@a.b/%2', 'HTTPS://a.b/%2'],
    ['https://u:p@ss@a.b', 'https://a.b'],
    ['https:/u:p@a.b/', 'https:/a.b/'],
    ['https:u:p@a.b/', 'https:a.b/'],
    ['https:\\\\u:p@a.b\\c', 'https:\\\\a.b\\c'],
    [' https://u:p@a.b/', ' https://a.b/'],
    ['https://u:p@exa mple/', 'https://exa mple/'],
    ['postgres://u:p@db/x', 'postgres://db/x'],
    ['blob:https://u:p@a.b/x', 'blob:https://a.b/x'],
    ['//u:p@a.b/c', '//a.b/c'],
    ['u:p@shop.example:8080/cart', 'shop.example:8080/cart'],
    ['ht\ttps://u:p@a.b/', 'https://a.b/'],
    ['https://u:p\n@a.b/', 'https://a.b/'],
  ])('turns %j into %j', (address, rest) => {
    expect(withoutCredentials(address)).toBe(rest);
  });

  it.each([
    '',
    'https://a.b/@name',
    'https://a.b?mail=x@y.z',
    'https://a.b#@',
    '/@name/x',
    'mailto:joe@a.b',
    'joe@a.b',
    '@name',
  ])('leaves %j as it is', (address) => {
    expect(withoutCredentials(address)).toBe(address);
  });

  it('leaves no user that a browser would find, and the rest of the address', () => {
    const piece = fc.constantFrom(
      'http:',
      'ws:',
      'foo:',
      '/',
      '\\',
      '@',
      ':',
      'u',
      '\t',
      ' ',
      '?',
      '#',
      '%40',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const address = pieces.join('');
        const before = URL.parse(address);
        const after = URL.parse(withoutCredentials(address));
        expect([after?.username ?? '', after?.password ?? '']).toEqual(['', '']);
        if (before !== null && before.host !== '') {
          before.username = '';
          before.password = '';
          expect(after?.href).toBe(before.href);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe('withoutCredentialsInside', () => {
  it('cleans every address of an event, and leaves the event as it is', () => {
    const event = {
      event_id: 'https://u@a.b',
      url: { referrer: '//u:p@a.b/', own: { deep: ['https://u:p@a.b/', 'x@y'] } },
      route: { canonical_url: 'u:p@a.b/', title: 'a: b@c', fullPath: '//x@y/z' },
      props: JSON.parse(
        '{"url":"//u@a.b","link":"https://u:p@a.b/","__proto__":["x://y@z"]}',
      ) as object,
    };
    const before = structuredClone(event);
    expect(withoutCredentialsInside(event)).toEqual({
      event_id: 'https://u@a.b',
      url: { referrer: '//a.b/', own: { deep: ['https://a.b/', 'x@y'] } },
      route: { canonical_url: 'a.b/', title: 'a: b@c', fullPath: '//x@y/z' },
      props: JSON.parse('{"url":"//a.b","link":"https://a.b/","__proto__":["x://z"]}') as object,
    });
    expect(event).toEqual(before);
  });

  it('gives the same event when there is nothing to clean', () => {
    const event = { props: { a: ['@', { b: 'joe@a.b' }], c: null } };
    expect(withoutCredentialsInside(event)).toBe(event);
  });

  it('cleans long lists in pieces just as well', () => {
    const long = Array.from({ length: 10_000 }, (_, index) =>
      index % 2 === 0 ? `https://u${index}:p@a.b/` : { link: ['https://u@a.b'] },
    );
    const event = { props: { long, deep: [[[long]]], few: ['https://u@a.b', 1] } };
    const before = structuredClone(event);
    expect(resultOf(withoutCredentialsInPieces(event))).toEqual(withoutCredentialsInside(event));
    expect(event).toEqual(before);
    expect([...withoutCredentialsInPieces(event)].length).toBeGreaterThan(3);
  });
});
