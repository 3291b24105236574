import { describe, expect, it } from 'vitest';
import { decodeAccount, encodeAccount, newAccount } from './partition-account.js';

describe('the metadata of a committed offset', () => {
  it('holds what became of the records before it', () => {
    const account = { topicId: 't', start: 5, dead: 1, purged: 2, skipped: 3, expired: 4 };
    expect(decodeAccount(encodeAccount(account))).toEqual(account);
    expect(JSON.parse(encodeAccount(account))).toEqual({
      v: 1,
      start: 5,
      dead: 1,
      purged: 2,
      skipped: 3,
      expired: 4,
      topic: 't',
    });
  });

  it('begins with nothing settled', () => {
    expect(newAccount('t', 7)).toEqual({
      topicId: 't',
      start: 7,
      dead: 0,
      purged: 0,
      skipped: 0,
      expired: 0,
    });
  });

  it.each([
    null,
    '',
    'set by hand',
    'null',
    '[]',
    '{"v":2,"start":1,"dead":0,"purged":0,"skipped":0,"expired":0}',
    '{"v":1,"start":1,"dead":0,"purged":0,"skipped":0}',
    '{"v":1,"start":"1","dead":0,"purged":0,"skipped":0,"expired":0}',
  ])('is not taken from %s, which somebody else has written', (metadata) => {
    expect(decodeAccount(metadata)).toBeUndefined();
  });
});
