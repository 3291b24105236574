import { describe, expect, it } from 'vitest';
import { senderOf, separateQuery, withoutSecrets } from './sender.js';

const NOTHING = { query: '', key: undefined, signature: undefined, sentAt: undefined };
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('separateQuery', () => {
  it.each([
    ['gt_key=K', '', 'K'],
    ['gt_key=K&a=1', 'a=1', 'K'],
    ['a=1&gt_key=K', 'a=1', 'K'],
    ['a=1&gt_key=K&b=2', 'a=1&b=2', 'K'],
    ['a=%20&gt_key=a%2Bb+c&b=+', 'a=%20&b=+', 'a+b c'],
    ['gt_key=&gt_key=K&gt_key=L', '', 'K'],
    ['GT_Key=K&x', 'x', 'K'],
    ['%67t%5fkey=K&x', 'x', 'K'],
    ['gt_key&x', 'x', undefined],
    ['gt_keys=K&xgt_key=1&a=gt_key=2', 'gt_keys=K&xgt_key=1&a=gt_key=2', undefined],
    ['a=1&&b', 'a=1&&b', undefined],
    ['%zz_key=1', '%zz_key=1', undefined],
  ])('takes the key out of %s', (query, rest, key) => {
    const separated = separateQuery(query);
    expect(separated.query).toBe(rest);
    expect(separated.key || undefined).toBe(key);
  });

  it('takes the signature out, too', () => {
    expect(separateQuery('gt_hmac=AB&gt_key=K&e=x')).toEqual({
      query: 'e=x',
      key: 'K',
      signature: 'AB',
      sentAt: undefined,
    });
  });

  it("takes the client's clock out, too", () => {
    const time = '2026-11-23T10:00:00+01:00';
    for (const name of ['gt_sent_at', 'GT_SENT_AT', '%67%74%5f%73%65%6e%74%5f%61%74']) {
      const { query, sentAt } = separateQuery(`e=x&${name}=${encodeURIComponent(time)}&a=1`);
      expect({ query, sentAt }).toEqual({ query: 'e=x&a=1', sentAt: time });
    }
    expect(separateQuery('gt_sent_at=&gt_sent_at=7&gt_sent_at=8')).toMatchObject({
      query: '',
      sentAt: '7',
    });
  });

  it('leaves a query without them as it is', () => {
    expect(separateQuery('e=x&url=https%3A%2F%2Fa%2F%3Fb').query).toBe(
      'e=x&url=https%3A%2F%2Fa%2F%3Fb',
    );
  });
});

describe('withoutSecrets', () => {
  it.each([
    ['https://a.example/?gt_key=K', 'https://a.example/'],
    ['https://a.example/p?x=1&gt_key=K#h', 'https://a.example/p?x=1#h'],
    ['https://a.example/p?gt_hmac=K&x=1', 'https://a.example/p?x=1'],
    ['https://a.example/p?x=1', 'https://a.example/p?x=1'],
    ['https://a.example/gt_key=K', 'https://a.example/gt_key=K'],
  ])('makes of %s %s', (address, rest) => {
    expect(withoutSecrets(address)).toBe(rest);
  });
});

describe('senderOf', () => {
  it.each([
    ['Bearer K', 'K'],
    ['bearer   K ', 'K'],
    [basic('K:'), 'K'],
    [basic('K:password'), 'K'],
    [basic('K'), 'K'],
    [basic(':p'), undefined],
    ['Bearer', undefined],
    ['Bearer a b', undefined],
    ['Negotiate abc', undefined],
    ['', undefined],
  ])('reads the key of Authorization: %s', (authorization, key) => {
    expect(senderOf({ authorization }, NOTHING).key).toBe(key);
  });

  it('prefers the header to the query', () => {
    const fromQuery = { ...NOTHING, key: 'Q', signature: 'q' };
    expect(senderOf({ authorization: 'Bearer H', 'x-gotrack-hmac': 'h' }, fromQuery)).toEqual({
      key: 'H',
      signature: 'h',
    });
    expect(senderOf({ 'x-gotrack-hmac': 'tracking' }, fromQuery)).toEqual({
      key: 'Q',
      signature: 'q',
    });
  });

  it('takes the marker of a client without a key for no signature', () => {
    expect(senderOf({ 'x-gotrack-hmac': 'tracking' }, NOTHING).signature).toBeUndefined();
    expect(senderOf({}, { ...NOTHING, signature: 'tracking' }).signature).toBeUndefined();
    expect(senderOf({ 'x-gotrack-hmac': '' }, NOTHING).signature).toBeUndefined();
  });
});
