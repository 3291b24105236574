import { describe, expect, it } from 'vitest';
import { RetryableSinkError } from '../sinks/sink.js';
import { withTimeout } from './with-timeout.js';

const late = (): Error => new RetryableSinkError('timeout', 'late');
const never = new Promise<never>(() => {});

describe('withTimeout', () => {
  it('gives what the work gives in time', async () => {
    expect(await withTimeout(Promise.resolve(7), 60_000, late)).toBe(7);
    await expect(withTimeout(Promise.reject(new Error('no')), 60_000, late)).rejects.toThrow('no');
  });

  it('fails with the given error once the time is over', async () => {
    await expect(withTimeout(never, 1, late)).rejects.toMatchObject({
      name: 'RetryableSinkError',
      errorType: 'timeout',
      message: 'late',
    });
  });
});
