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
  ])('of %o is %s', (contentType, form) => {
    expect(bodyForm(contentType)).toBe(form);
  });

  it.each([
    'json',
    'application/jsonp',
    'application/vnd.x+json',
    'text/html',
    'application/json; charset=utf-16',
    'text/plain; charset=',
  ])('there is none of %o', (contentType) => {
    expect(() => bodyForm(contentType)).toThrow(/Content-Type must be/);
  });
});
