import { describe, expect, it } from 'vitest';
import { apiKeys, maskedKeys, sourceRates } from './api-key.js';

describe('apiKeys', () => {
  it('reads names, keys and marks', () => {
    expect(apiKeys('shop:k1, shop:k2,my.app-2:k/3+=:server\n')).toEqual([
      { source: 'shop', key: 'k1', isServer: false },
      { source: 'shop', key: 'k2', isServer: false },
      { source: 'my.app-2', key: 'k/3+=', isServer: true },
    ]);
  });

  it.each([
    ['no key', 'shop'],
    ['an empty key', 'shop:'],
    ['an empty name', ':k'],
    ['another mark', 'shop:k:sever'],
    ['more parts', 'shop:k:server:x'],
    ['a blank in a key', 'shop:a b'],
    ['a key that is not ASCII', 'shop:schlüssel'],
    ['a name that is no label', 'my shop:k'],
    ['a name beyond 64', `${'a'.repeat(65)}:k`],
    ['the label of no source', 'none:k'],
    ['nothing but commas', ', ,'],
    ['a key of two sources', 'a:k,b:k'],
  ])('refuses %s', (_what, text) => {
    expect(() => apiKeys(text)).toThrow(/^(must be a comma list of name:key|holds one key twice)/);
  });

  it('never repeats a key in its reason', () => {
    for (const text of ['shop:hunter2:sever', 'my shop:hunter2', 'a:hunter2,b:hunter2']) {
      expect(() => apiKeys(text)).toThrow(expect.not.objectContaining({ message: /hunter2/ }));
    }
  });
});

describe('maskedKeys', () => {
  it('shows the names and the marks', () => {
    expect(maskedKeys(apiKeys('shop:k1,shop:k2,app:k3:server'), '***')).toBe(
      'shop:***,shop:***,app:***:server',
    );
  });
});

describe('sourceRates', () => {
  it('reads names and rates', () => {
    expect(sourceRates('shop:20, app:1')).toEqual(
      new Map([
        ['shop', 20],
        ['app', 1],
      ]),
    );
  });

  it.each(['shop', 'shop:0', 'shop:-1', 'shop:1.5', 'shop:x', 'shop:1,shop:2', ''])(
    'refuses %j',
    (text) => {
      expect(() => sourceRates(text)).toThrow(/^(must be a comma list of name:rps|names a source)/);
    },
  );
});
