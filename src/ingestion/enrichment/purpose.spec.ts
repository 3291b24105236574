import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Purpose } from './purpose.js';

type Headers = Readonly<Record<string, string | string[]>>;

function purposeOf(headers: Headers, isFromServer = false): unknown {
  const facts = { receivedAtMs: 0, headers, query: '', address: undefined };
  return new Purpose().ofRequest(facts, { isFromServer })?.server?.['purpose'];
}

describe('the purpose of a request', () => {
  it.each<[Headers, string | undefined]>([
    [{ 'sec-purpose': 'prefetch' }, 'prefetch'],
    [{ 'sec-purpose': 'prefetch;prerender' }, 'prerender'],
    [{ 'sec-purpose': 'prefetch;anonymous-client-ip' }, 'prefetch'],
    [{ purpose: 'prefetch' }, 'prefetch'],
    [{ purpose: 'preview' }, 'preview'],
    [{ 'x-moz': 'prefetch' }, 'prefetch'],
    [{ 'sec-purpose': ['prefetch', 'prerender'] }, 'prerender'],
    [{ 'sec-purpose': 'something' }, undefined],
    [{ purpose: '' }, undefined],
    [{}, undefined],
  ])('in %j is %s', (headers, purpose) => {
    expect(purposeOf(headers)).toBe(purpose);
  });

  it('is nothing that a server says of its own request', () => {
    expect(purposeOf({ 'sec-purpose': 'prefetch' }, true)).toBeUndefined();
  });

  it.each(['chromium-headed', 'firefox-headed'])('is found in what a browser sends: %s', (file) => {
    const { requests } = JSON.parse(readFileSync(`test/fixtures/headers/${file}.json`, 'utf8')) as {
      requests: { what: string; headers: Headers }[];
    };
    const expected = ({ what }: { what: string }): string | undefined =>
      what.includes('prerendered')
        ? 'prerender'
        : what.includes('prefetch')
          ? 'prefetch'
          : undefined;
    expect(requests.map(({ headers }) => purposeOf(headers))).toEqual(requests.map(expected));
    expect(requests.map(expected)).toContain('prefetch');
  });
});
