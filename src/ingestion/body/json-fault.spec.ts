import { describe, expect, it } from 'vitest';
import { faultOf } from './json-fault.js';

function fault(json: string): string {
  try {
    JSON.parse(json);
  } catch (error) {
    return faultOf(json, error as SyntaxError);
  }
  throw new Error('it is valid');
}

describe('faultOf', () => {
  it.each([
    ['{"a":1 "b":2}', 'at position 7'],
    ["{'a':1}", 'at position 1'],
    ['{"a":1}}', 'at position 7'],
    ['{"a": undefined}', 'at position 6'],
    ['{"a":NaN}', 'at position 5'],
    ['abc', 'at position 0'],
    ['[1,]', 'at position 3'],
    ['[1, 2,, 3]', 'at position 6'],
    ['[,1]', 'at position 1'],
    ['{"a":}', 'at position 5'],
    ['{"a":"\\"}","b":,}', 'at position 15'],
    [']', 'at position 0'],
    ['{"a":"x', 'at position 7'],
    ['{"a":[1,2', 'at position 9'],
    ['{"a":', 'it ends too early'],
    ['', 'it ends too early'],
  ])('finds where %s breaks', (json, where) => {
    expect(fault(json)).toBe(where);
  });

  it('does not search a long text', () => {
    expect(fault(`["${'x'.repeat(70_000)}",]`)).toBe('it is not JSON');
  });
});
