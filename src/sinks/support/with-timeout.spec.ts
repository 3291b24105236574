import { describe, expect, it } from 'vitest';
import { withTimeout } from './with-timeout.js';

const never = new Promise<never>(() => {});

describe('withTimeout', () => {
  it('gives what the work gives in time', async () => {
    expect(await withTimeout(Promise.resolve(7), 60_000, 'late')).toBe(7);
    await expect(withTimeout(Promise.reject(new Error('no')), 60_000, 'late')).rejects.toThrow(
      'no',
    );
  });

  it('fails for now once the time is over', async () => {
    await expect(withTimeout(never, 1, 'late')).rejects.toMatchObject({
      name: 'RetryableSinkError',
      errorType: 'timeout',
      message: 'late',
    });
  });
});
