import { describe, expect, it } from 'vitest';
import { defaultFormat } from './logger.js';

describe('the format of the log', () => {
  it.each([
    ['development', true, 'pretty'],
    ['development', false, 'json'],
    ['production', true, 'json'],
    [undefined, true, 'json'],
  ] as const)('with NODE_ENV=%s, on a terminal: %s, is %s', (nodeEnv, isTerminal, format) => {
    expect(defaultFormat(nodeEnv, isTerminal)).toBe(format);
  });
});
