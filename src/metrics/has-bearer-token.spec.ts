import { describe, expect, it } from 'vitest';
import { hasBearerToken, hasTokenAsPassword } from './has-bearer-token.js';

const TOKEN = 'x.Y-1_~+/=';

describe('hasBearerToken', () => {
  it.each([`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER   ${TOKEN}`, `Bearer ${TOKEN} `])(
    'takes %s',
    (authorization) => {
      expect(hasBearerToken(authorization, TOKEN)).toBe(true);
    },
  );

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    TOKEN,
    `Basic ${TOKEN}`,
    `Bearer${TOKEN}`,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${TOKEN.toLowerCase()}`,
    `Bearer ${TOKEN} ${TOKEN}`,
    `Bearer x, Bearer ${TOKEN}`,
  ])('does not take %s', (authorization) => {
    expect(hasBearerToken(authorization, TOKEN)).toBe(false);
  });

  it('takes nothing for an empty token', () => {
    expect(hasBearerToken(undefined, '')).toBe(false);
    expect(hasBearerToken('Bearer ', '')).toBe(false);
  });
});

describe('hasTokenAsPassword', () => {
  const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

  it.each(['', 'any', 'jané'])('takes the token after the name %j', (name) => {
    expect(hasTokenAsPassword(basic(`${name}:${TOKEN}`), TOKEN)).toBe(true);
    expect(hasTokenAsPassword(basic(`${name}:a:b`), 'a:b')).toBe(true);
  });

  it.each([
    undefined,
    '',
    'Basic',
    basic(''),
    basic(TOKEN),
    basic(`${TOKEN}:`),
    basic(`any:${TOKEN}x`),
    basic(`any:x:${TOKEN}`),
    `Bearer ${TOKEN}`,
    `Bearer any:${TOKEN}`,
  ])('does not take %s', (authorization) => {
    expect(hasTokenAsPassword(authorization, TOKEN)).toBe(false);
  });

  it('takes nothing for an empty token', () => {
    expect(hasTokenAsPassword(undefined, '')).toBe(false);
    expect(hasTokenAsPassword(basic('any'), '')).toBe(false);
  });
});
