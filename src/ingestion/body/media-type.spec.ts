import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bodyForm } from './media-type.js';

describe('bodyForm', () => {
  it.each([
    [undefined, 'json'],
    ['', 'json'],
    ['application/json', 'json'],
    ['Application/JSON ; charset="UTF-8"', 'json'],
    ['application/json;profile=x;charset=utf8', 'json'],
    ['text/plain;charset=UTF-8', 'json'],
    ['application/x-ndjson', 'ndjson'],
    ['application/json; charset=US-ASCII', 'json'],
    ['text/plain; charset=', 'json'],
    ['text/plain; charset=""', 'json'],
    ['application/json; profile="a; charset=utf-16"', 'json'],
    [String.raw`application/json; profile="a\"; charset=utf-16"; charset=utf-8`, 'json'],
    [String.raw`application/json; charset="utf\-8"`, 'json'],
    ['application/json; mycharset=utf-16', 'json'],
    ['application/json;', 'json'],
    ['application/json;;=;x; charset = "utf-8', 'json'],
  ])('of %o is %s', (contentType, form) => {
    expect(bodyForm(contentType)).toBe(form);
  });

  it.each([
    'json',
    'application/jsonp',
    'application/vnd.x+json',
    'text/html',
    'application/json; charset=utf-16',
    'text/plain; charset=" latin1"',
    'text/plain; profile="; charset=utf-8"; charset=utf-16',
    '; charset=utf-8',
  ])('there is none of %o', (contentType) => {
    expect(() => bodyForm(contentType)).toThrow(/Content-Type must be/);
  });

  it('takes whatever follows a known type in a quoted parameter', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (value) => {
        const quoted = value.replaceAll(/["\\]/g, String.raw`\$&`);
        expect(bodyForm(`text/plain; x="${quoted}"; charset=utf-8`)).toBe('json');
      }),
    );
  });
});
