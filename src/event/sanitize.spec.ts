import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSanitizer, type Sanitizer } from './sanitize.js';

const sanitizer = createSanitizer(['Email', 'token', 'gclid', 'utm_term']) as Sanitizer;

function sanitized(text: string): unknown {
  return sanitizer.event({ props: { text } })['props'];
}

function sanitizedQuery(raw_query: string): unknown {
  return sanitizer.event({ url: { raw_query, query_size: 99 } })['url'];
}

describe('createSanitizer', () => {
  it('gives nothing when there is nothing to strip', () => {
    expect(createSanitizer([])).toBeUndefined();
  });

  it.each([
    ['email', true],
    ['EMAIL', true],
    ['Email[]', true],
    ['emails', false],
    ['constructor', false],
  ])('knows whether it strips %s', (name, expected) => {
    expect(sanitizer.strips(name)).toBe(expected);
  });

  it.each([
    ['the only one', 'https://a.b/?email=x', 'https://a.b/'],
    ['the first', 'https://a.b/?email=x&c=1', 'https://a.b/?c=1'],
    ['one in the middle', 'https://a.b/?c=1&email=x&d=2', 'https://a.b/?c=1&d=2'],
    ['the last', 'https://a.b/?c=1&email=x', 'https://a.b/?c=1'],
    ['several', 'https://a.b/?email=x&token=y&c=1&token=z', 'https://a.b/?c=1'],
    ['all', 'https://a.b/?email=x&token=y#h', 'https://a.b/#h'],
    ['before a hash', 'https://a.b/?c=1&email=x#h', 'https://a.b/?c=1#h'],
    ['in a hash', 'https://a.b/#email=x&c=1', 'https://a.b/#c=1'],
    ['in the query of a hash', 'https://a.b/#/p?email=x', 'https://a.b/#/p'],
    ['in any case', '/p?EMail=x', '/p'],
    ['an empty one', '/p?email=&c=1', '/p?c=1'],
    ['after a semicolon', '/p?c=1;email=x;d=2', '/p?c=1;d=2'],
    ['in the path', '/p;token=x?c=1', '/p?c=1'],
    ['with a semicolon in its value', '/p?email=x;y&c=1', '/p?c=1'],
    ['with a space in its value', '/p?email=x y&c=1', '/p?c=1'],
    ['with an equals sign in its value', '/p?email=x=y&c=1', '/p?c=1'],
    ['with an encoded separator in its value', '/p?email=x%26y&c=1', '/p?c=1'],
    ['with an address in its value', '/p?email=https%3A%2F%2Fc%3Fd%3D1%26e%3D2&c=1', '/p?c=1'],
    ['with an encoded name', '/p?%65m%61il=x&c=1', '/p?c=1'],
    ['with an encoded upper-case name', '/p?%45mail=x&c=1', '/p?c=1'],
    ['with a name encoded twice', '/p?%2565mail=x&c=1', '/p?c=1'],
    ['of a list', '/p?email[]=x&c=1&email%5B%5D=y', '/p?c=1'],
    ['of a list in an encoded address', '/p?u=%3Femail%255B%255D%3Dx&c=1', '/p?u=&c=1'],
    ['with an encoded equals sign', '/p?email%3Dx&c=1', '/p?c=1'],
    ['in an address in an address', '/p?u=//c?email=x&c=1', '/p?u=//c?c=1'],
    [
      'in an encoded address',
      '/p?u=https%3A%2F%2Fc%2F%3Femail%3Dx%26d%3D1&c=1',
      '/p?u=https%3A%2F%2Fc%2F%3Fd%3D1&c=1',
    ],
    ['the last of an encoded address', '/p?u=%2F%3Fd%3D1%26email%3Dx&c=1', '/p?u=%2F%3Fd%3D1&c=1'],
    ['the only one of an encoded address', '/p?u=%2F%3Femail%3Dx%23h&c=1', '/p?u=%2F%23h&c=1'],
    ['in lower-case encoding', '/p?u=%2f%3femail%3dx%26d%3d1', '/p?u=%2f%3fd%3d1'],
    [
      'in an address encoded twice',
      '/p?u=%252F%253Femail%253Dx%2526d%253D1',
      '/p?u=%252F%253Fd%253D1',
    ],
    ['on its line only', 'GET /p?email=x\nGET /q?c=1', 'GET /p\nGET /q?c=1'],
  ])('strips %s', (_, text, expected) => {
    expect(sanitized(text)).toEqual({ text: expected });
  });

  it.each([
    'https://a.b/?emails=x&my_email=y',
    'https://a.b/?c=email&d=token',
    'https://a.b/p%3?%zz=%E4&c=+%20&&;#?',
    'https://a.b/?email',
    'email=x',
    'the token = x',
    '',
  ])('keeps %j', (text) => {
    expect(sanitized(text)).toEqual({ text });
  });

  it('sanitizes texts at any depth, and names', () => {
    const deep = { a: [{ b: ['/?token=x'] }], '/?token=x': 1, n: 5, t: true, z: null };
    expect(sanitizer.event({ props: deep })['props']).toEqual({
      a: [{ b: ['/'] }],
      '/': 1,
      n: 5,
      t: true,
      z: null,
    });
  });

  it('strips raw_query from its start, and counts its bytes again', () => {
    expect(sanitizedQuery('email=x&c=ä')).toEqual({ raw_query: 'c=ä', query_size: 4 });
    expect(sanitizedQuery('c=1&email=x')).toEqual({ raw_query: 'c=1', query_size: 3 });
    expect(sanitizedQuery('email=x')).toEqual({});
    expect(sanitizedQuery('c=1')).toEqual({ raw_query: 'c=1', query_size: 99 });
  });

  it('strips names of route.query and the campaign fields made from them', () => {
    const event = {
      route: { query: { EMAIL: 'x', c: '1', gclid: 'y' } },
      url: {
        google: { gclid: 'y', device: 'd' },
        utm: { term: 'z', source: 's' },
        meta: 'of the wrong type',
      },
    };
    expect(sanitizer.event(event)).toEqual({
      route: { query: { c: '1' } },
      url: { google: { device: 'd' }, utm: { source: 's' }, meta: 'of the wrong type' },
    });
  });

  it('leaves the event it was given as it is, and names called __proto__ as they are', () => {
    const event = JSON.parse('{"__proto__":{"a":"/?token=x"},"url":5,"route":null}') as object;
    const before = JSON.stringify(event);
    const copy = sanitizer.event(event as Record<string, unknown>);
    expect(JSON.stringify(copy)).toBe('{"__proto__":{"a":"/"},"url":5,"route":null}');
    expect(JSON.stringify(event)).toBe(before);
  });

  it('leaves no parameter of that name in a query, and every other in its place', () => {
    const name = fc.constantFrom('email', 'EMAIL', 'token', 'a', 'b');
    const value = fc.string({ unit: fc.constantFrom('x', '%41', '=', ' ', '?', '%26', '/') });
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), (pairs) => {
        const address = (kept: typeof pairs): string =>
          `/p${kept.map(([key, text], at) => `${at ? '&' : '?'}${key}=${text}`).join('')}`;
        const kept = pairs.filter(([key]) => !sanitizer.strips(key));
        expect(sanitized(address(pairs))).toEqual({ text: address(kept) });
      }),
    );
  });
});
