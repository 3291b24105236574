import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import { asRefusal, asSinkError } from './postgres-error.js';

function databaseError(code: string): DatabaseError {
  const error = new DatabaseError('it is so', 0, 'error');
  return Object.assign(error, { code, detail: 'Failing row contains (s3cret).' });
}

describe('asRefusal', () => {
  it.each(['22P02', '22P05', '23505', '23514'])('is what SQLSTATE %s means', (code) => {
    expect(asRefusal(databaseError(code))?.message).toBe(
      `PostgreSQL says: it is so (SQLSTATE ${code})`,
    );
  });

  it.each(['25006', '42P01', '53100', '57014', '08006'])(
    'is not what SQLSTATE %s means',
    (code) => {
      expect(asRefusal(databaseError(code))).toBeUndefined();
    },
  );

  it('is not what a code of the system means that looks like one', () => {
    expect(asRefusal(Object.assign(new Error('x'), { code: '22P02' }))).toBeUndefined();
  });
});

describe('asSinkError', () => {
  it.each([
    ['08006', 'connection'],
    ['57P01', 'connection'],
    ['57P03', 'connection'],
    ['57014', 'timeout'],
    ['55P03', 'timeout'],
    ['28P01', 'auth'],
    ['42501', 'auth'],
    ['53300', 'throttled'],
    ['53100', 'disk'],
    ['58030', 'disk'],
    ['25006', 'other'],
    ['42P01', 'other'],
    ['40P01', 'other'],
    ['23505', 'other'],
  ])('takes SQLSTATE %s for the type %s', (code, errorType) => {
    expect(asSinkError(databaseError(code))).toMatchObject({ errorType });
  });

  it("has the server's words and what to do about it, and not the row", () => {
    const error = asSinkError(databaseError('25006'));
    expect(error.message).toBe(
      'PostgreSQL says: it is so (SQLSTATE 25006): the server is read-only, as a standby is: PG_DSN must lead to the primary',
    );
    expect(JSON.stringify(error)).not.toContain('s3cret');
    expect(error.cause).toBeUndefined();
  });

  it.each([
    [new Error('connect ECONNREFUSED 127.0.0.1:5432'), 'connection', 'ECONNREFUSED'],
    [new AggregateError([new Error('connect ECONNREFUSED ::1:5432')]), 'connection', '::1'],
    [new Error('connect ETIMEDOUT 10.0.0.1:5432'), 'timeout', 'ETIMEDOUT'],
    [new Error('timeout expired'), 'timeout', 'timeout expired'],
    [new Error('SASL: client password must be a string'), 'auth', 'SASL'],
    [new Error('Connection terminated unexpectedly'), 'connection', 'terminated'],
  ])('takes %s for the type %s', (cause, errorType, words) => {
    expect(asSinkError(cause)).toMatchObject({
      errorType,
      message: expect.stringContaining(words),
    });
  });
});
