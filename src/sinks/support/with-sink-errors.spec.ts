import { describe, expect, it } from 'vitest';
import { InvalidValueError } from '../../config/setting.js';
import { RetryableSinkError } from '../sink.js';
import { withSinkErrors } from './with-sink-errors.js';

const asSinkError = (error: unknown): RetryableSinkError =>
  new RetryableSinkError('connection', `it says: ${String(error)}`);

const failing = (error: unknown): Promise<unknown> =>
  withSinkErrors(asSinkError, () => Promise.reject(error)).catch((reason: unknown) => reason);

describe('withSinkErrors', () => {
  it('gives what the operation gives', async () => {
    expect(await withSinkErrors(asSinkError, () => Promise.resolve(7))).toBe(7);
  });

  it('asks the sink what an error means', async () => {
    expect(await failing('no')).toEqual(new RetryableSinkError('connection', 'it says: no'));
  });

  it('leaves an error for the lane as it is', async () => {
    const error = new RetryableSinkError('timeout', 'late');
    expect(await failing(error)).toBe(error);
  });

  it('has a file of a setting that cannot be used tried again', async () => {
    expect(await failing(new InvalidValueError('PG_DSN_FILE names nothing'))).toMatchObject({
      name: 'RetryableSinkError',
      errorType: 'other',
      message: 'PG_DSN_FILE names nothing',
    });
  });
});
