import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import { RejectedBatchError } from '../sink.js';
import { asSinkError, asWriteError } from './postgres-error.js';

const SECRET = 's3cret';

/** With the row's values wherever the server or a function may put them. */
function databaseError(code: string, fields: Partial<DatabaseError> = {}): DatabaseError {
  const error = new DatabaseError('it is so', 0, 'error');
  return Object.assign(error, { code, detail: `Failing row contains (${SECRET}).`, ...fields });
}

describe('asWriteError', () => {
  it.each(['22P02', '22P05', '22000', '23505', '23514', '23P01', '23000'])(
    'takes SQLSTATE %s for a refusal of what is in the events',
    (code) => {
      expect(asWriteError(databaseError(code))).toBeInstanceOf(RejectedBatchError);
    },
  );

  it.each([
    '2200H',
    '08006',
    '25006',
    '25P02',
    '28000',
    '40001',
    '40P01',
    '53100',
    '53400',
    '55P03',
    '57014',
    '57P01',
    '58030',
    '58P01',
  ])('takes SQLSTATE %s for trouble that no event has made', (code) => {
    expect(asWriteError(databaseError(code))).toMatchObject({
      name: 'RetryableSinkError',
      suspect: false,
    });
  });

  it.each(['54000', 'P0001', '42P01', '42501', '42703', 'XX000', '0A000', '38000', 'ZZ999'])(
    'does not know whose fault SQLSTATE %s is',
    (code) => {
      expect(asWriteError(databaseError(code))).toMatchObject({
        name: 'RetryableSinkError',
        suspect: true,
      });
    },
  );

  it.each([
    new Error('connect ECONNREFUSED 127.0.0.1:5432'),
    Object.assign(new Error('x'), { code: '22P02' }),
    Object.assign(databaseError('x'), { code: undefined }),
  ])('never suspects an event of %s, which has no SQLSTATE', (error) => {
    expect(asWriteError(error)).toMatchObject({ name: 'RetryableSinkError', suspect: false });
  });

  it("has the server's words where it puts no value into them", () => {
    expect(asWriteError(databaseError('23514')).message).toBe(
      'PostgreSQL says: it is so (SQLSTATE 23514)',
    );
    const where = 'COPY gotrack_staging, line 5';
    expect(asWriteError(databaseError('57014', { where })).message).toBe(
      'PostgreSQL says: it is so (SQLSTATE 57014)',
    );
  });

  it.each([
    ['22P02', undefined],
    ['P0001', 'PL/pgSQL function f() line 1 at RAISE'],
    ['23514', 'PL/pgSQL function f() line 1 at RAISE'],
    ['40001', 'PL/pgSQL function f() line 1 at RAISE'],
    ['XX000', undefined],
  ])('has only names of %s in %s, and the words for the dead letter', (code, where) => {
    const fields = { message: `not "${SECRET}"`, hint: SECRET, where, table: 't', constraint: 'c' };
    const error = asWriteError(databaseError(code, fields));
    expect(error.message).toBe(
      `PostgreSQL fails with SQLSTATE ${code} (table "t", constraint "c"), its own log says why`,
    );
    expect(error.cause).toBeUndefined();
    expect(error.verbatim).toBe(`PostgreSQL says: not "${SECRET}" (SQLSTATE ${code})`);
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
