import { describe, expect, it } from 'vitest';
import { type OptionsRead, readOptions } from '../../config/read-options.js';
import { LogOptions } from './log.options.js';

function read(variables: Readonly<Record<string, string>>): OptionsRead<LogOptions> {
  const given = Object.entries(variables);
  return readOptions(
    LogOptions,
    new Map(given.map(([name, text]) => [name, { text, source: 'environment' }])),
    '.',
  );
}

describe('LogOptions', () => {
  it('have the defaults of the contract', () => {
    expect(read({}).options).toEqual({
      path: './data/events.ndjson',
      rotateMb: 100,
      backups: 0,
      maxAgeDays: 0,
    });
  });

  it('hold what the variables say', () => {
    const variables = {
      LOG_PATH: 'stdout',
      LOG_ROTATE_MB: '0',
      LOG_BACKUPS: '7',
      LOG_MAX_AGE_DAYS: '30',
    };

    expect(read(variables).options).toEqual({
      path: 'stdout',
      rotateMb: 0,
      backups: 7,
      maxAgeDays: 30,
    });
  });

  it.each(['LOG_ROTATE_MB', 'LOG_BACKUPS', 'LOG_MAX_AGE_DAYS'])('refuse a negative %s', (name) => {
    expect(read({ [name]: '-1' }).faults).toEqual([
      { name, reason: expect.stringContaining('must not be less than 0') },
    ]);
  });
});
