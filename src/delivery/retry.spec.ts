import { describe, expect, it } from 'vitest';
import { backoffMs } from './retry.js';

describe('backoffMs', () => {
  it('doubles from 100 ms to 5 s', () => {
    const longest = [1, 2, 3, 6, 7, 1000].map((failed) => backoffMs(failed, () => 1));
    expect(longest).toEqual([100, 200, 400, 3200, 5000, 5000]);
  });

  it('takes off up to a half', () => {
    expect(backoffMs(7, () => 0)).toBe(2500);
  });
});
