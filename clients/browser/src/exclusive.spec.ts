import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exclusively } from './exclusive.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** The browser's lock manager, for one lock. */
function stubLocks(): void {
  let isHeld = false;
  const request = async (
    _: string,
    __: object,
    work: (lock: object | null) => Promise<unknown>,
  ) => {
    if (isHeld) {
      return work(null);
    }
    isHeld = true;
    return work({}).finally(() => (isHeld = false));
  };
  vi.stubGlobal('navigator', { locks: { request } });
}

describe('exclusively', () => {
  it('lets one tab work, and keeps the lock for a second after a removal', async () => {
    stubLocks();
    const first = exclusively(async () => true);
    const other = vi.fn<() => Promise<boolean>>(async () => true);
    expect(await exclusively(other)).toBe(false);
    await vi.advanceTimersByTimeAsync(990);
    expect(await exclusively(other)).toBe(false);
    expect(other).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(20);
    expect(await first).toBe(true);
    const next = exclusively(other);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await next).toBe(true);
    expect(other).toHaveBeenCalledOnce();
  });

  it('gives the lock back at once when nothing was removed', async () => {
    stubLocks();
    expect(await exclusively(async () => false)).toBe(true);
    expect(await exclusively(async () => false)).toBe(true);
  });

  it.each([
    ['there are no locks', {}],
    [
      'the frame may not have them',
      {
        get locks(): never {
          throw new DOMException('no', 'SecurityError');
        },
      },
    ],
    [
      'they refuse',
      { locks: { request: () => Promise.reject(new DOMException('no', 'SecurityError')) } },
    ],
  ])('just works where %s', async (_, navigator) => {
    vi.stubGlobal('navigator', navigator);
    const work = vi.fn<() => Promise<boolean>>(async () => true);
    expect(await exclusively(work)).toBe(true);
    expect(work).toHaveBeenCalledOnce();
  });
});
