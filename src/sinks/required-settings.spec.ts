import { describe, expect, it } from 'vitest';
import { loadConfiguration } from '../config/load-configuration.js';
import { RoleOptions } from '../config/role.options.js';
import { settingsOf } from '../config/setting.js';
import { PostgresOptions } from './postgres/postgres.options.js';
import { requiredSettings } from './required-settings.js';
import { SINK_CATALOGUE, SINK_OPTIONS_CLASSES } from './sink.catalogue.js';
import { SinksOptions } from './sinks.options.js';

const load = (environment: Record<string, string>) =>
  loadConfiguration([RoleOptions, SinksOptions, ...SINK_OPTIONS_CLASSES], {
    environment,
    directory: '/nowhere',
    crossChecks: [requiredSettings],
  });

describe('requiredSettings', () => {
  it('asks for PG_DSN when OUTPUTS names postgres', async () => {
    await expect(load({ OUTPUTS: 'log,postgres' })).rejects.toMatchObject({
      faults: [{ name: 'PG_DSN', reason: 'must be set, because OUTPUTS names postgres' }],
    });
  });

  it('asks for nothing that is set, or that belongs to another sink', async () => {
    const configuration = await load({ OUTPUTS: 'postgres', PG_DSN: 'postgres://db/x' });
    expect(configuration.get(PostgresOptions).dsn).toMatchObject({ host: 'db', database: 'x' });
    await expect(load({ OUTPUTS: 'log' })).resolves.toBeDefined();
  });

  it.each(SINK_CATALOGUE)(
    'finds each required variable of $name',
    ({ optionsClasses, required }) => {
      const declared = optionsClasses.flatMap((each) => settingsOf(each)).map(({ name }) => name);
      expect(declared).toEqual(expect.arrayContaining([...required]));
    },
  );
});
