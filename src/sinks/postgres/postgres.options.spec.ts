import { describe, expect, it } from 'vitest';
import { type OptionsRead, readOptions } from '../../config/read-options.js';
import { PostgresOptions } from './postgres.options.js';

function read(variables: Readonly<Record<string, string>>): OptionsRead<PostgresOptions> {
  const given = Object.entries(variables);
  return readOptions(
    PostgresOptions,
    new Map(given.map(([name, text]) => [name, { text, source: 'environment' }])),
    '.',
  );
}

describe('PostgresOptions', () => {
  it('have the defaults of the contract', () => {
    expect(read({}).options).toEqual({
      dsn: undefined,
      table: 'events_json',
      batchSize: 500,
      flushMs: 500,
      copy: true,
    });
  });

  it('hold what the variables say', () => {
    const variables = {
      PG_DSN: 'postgres://db/x',
      PG_TABLE: 'analytics.events',
      PG_BATCH_SIZE: '1000',
      PG_FLUSH_MS: '0',
      PG_COPY: 'no',
    };

    expect(read(variables).options).toEqual({
      dsn: expect.objectContaining({ host: 'db', database: 'x' }),
      table: 'analytics.events',
      batchSize: 1000,
      flushMs: 0,
      copy: false,
    });
  });

  it('never show the DSN', () => {
    const { settings } = read({ PG_DSN: 'postgres://u:s3cret@db/x' });
    expect(settings.find(({ name }) => name === 'PG_DSN')?.shown).toBe('********');
  });

  it.each([
    ['PG_BATCH_SIZE', '0'],
    ['PG_FLUSH_MS', '-1'],
    ['PG_TABLE', 'a b'],
    ['PG_DSN', 'db'],
  ])('refuse %s=%s', (name, value) => {
    expect(read({ [name]: value }).faults).toEqual([{ name, reason: expect.any(String) }]);
  });
});
