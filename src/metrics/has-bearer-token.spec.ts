import { describe, expect, it } from 'vitest';
import { hasBearerToken } from './has-bearer-token.js';

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
