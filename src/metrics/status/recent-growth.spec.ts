import { describe, expect, it } from 'vitest';
import { RecentGrowth } from './recent-growth.js';

describe('RecentGrowth', () => {
  it('is none before the first sample', () => {
    expect(new RecentGrowth(60).growth('a', 5, 7)).toEqual({ count: 0, seconds: 0 });
  });

  it('is what came since the first sample, while that is in the window', () => {
    const growth = new RecentGrowth(60);
    growth.sample(10, new Map([['a', 3]]));
    growth.sample(40, new Map([['a', 5]]));
    expect(growth.growth('a', 50, 9)).toEqual({ count: 6, seconds: 40 });
    expect(growth.growth('new', 50, 2)).toEqual({ count: 2, seconds: 40 });
  });

  it('forgets what is older than the window', () => {
    const growth = new RecentGrowth(60);
    for (let at = 0; at <= 600; at += 2) {
      growth.sample(at, new Map([['a', at]]));
    }
    expect(growth.growth('a', 600, 600)).toEqual({ count: 60, seconds: 60 });
  });
});
