import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { describeConfiguration } from '../src/config/describe-configuration.js';
import { renderExampleEnv } from '../src/config/example-env.js';
import { loadConfiguration } from '../src/config/load-configuration.js';
import { settingsOf } from '../src/config/setting.js';
import { CONTRACT_NAMES, CONTRACT_SECRETS } from '../src/config/unsupported.js';
import { OPTIONS_CLASSES } from '../src/options-classes.js';
import { MetricsOptions } from '../src/metrics/metrics.options.js';

const settings = OPTIONS_CLASSES.flatMap((optionsClass) => settingsOf(optionsClass));
const names = settings.map(({ name }) => name);

/** The configuration that starts in the root of the repository with only this environment. */
function load(environment: Record<string, string>) {
  return loadConfiguration(OPTIONS_CLASSES, { environment, directory: process.cwd() });
}

describe('the declarations', () => {
  it('declare each variable once', () => {
    expect(names).toEqual([...new Set(names)]);
  });

  it('have a key each', () => {
    const keys = OPTIONS_CLASSES.map(({ key }) => key);
    expect(keys).toEqual([...new Set(keys)]);
  });

  it('are variables of the contract, secret where the contract says so', () => {
    expect(names.filter((name) => !CONTRACT_NAMES.includes(name))).toEqual([]);
    const secrets = settings.filter(({ secret }) => secret).map(({ name }) => name);
    expect(secrets).toEqual(names.filter((name) => CONTRACT_SECRETS.includes(name)));
  });

  it('have sound defaults', async () => {
    const configuration = await load({});
    for (const optionsClass of OPTIONS_CLASSES) {
      expect(configuration.get(optionsClass)).toEqual(new optionsClass());
    }
  });
});

describe('config/example.env', () => {
  it('is what the declarations say (vitest -u writes it)', async () => {
    await expect(renderExampleEnv(OPTIONS_CLASSES)).toMatchFileSnapshot('../config/example.env');
  });

  it('sets nothing', async () => {
    const { settings: effective } = await load({ NODE_ENV: 'example' });
    expect(effective.filter(({ source }) => source !== 'default')).toEqual([]);
  });
});

describe('config/development.env', () => {
  it('turns the metrics on, and nothing else', async () => {
    const { settings: effective } = await load({ NODE_ENV: 'development' });
    expect(effective.filter(({ source }) => source !== 'default')).toMatchObject([
      { name: 'METRICS_ENABLED', shown: 'true' },
    ]);
  });
});

describe('config/production.env', () => {
  it('is sound, and leaves the metrics off', async () => {
    const configuration = await load({ NODE_ENV: 'production' });
    expect(configuration.warnings).toEqual([]);
    expect(configuration.get(MetricsOptions).enabled).toBe(false);
  });

  it('keeps everything that has to survive under /data', async () => {
    const configuration = await load({ NODE_ENV: 'production' });
    const paths = configuration.settings.filter(({ name }) => name.endsWith('_PATH'));
    expect(paths.map(({ name }) => name).toSorted()).toEqual([
      'DEAD_LETTER_PATH',
      'LOG_PATH',
      'QUEUE_PATH',
    ]);
    expect(paths.filter(({ shown }) => !shown?.startsWith('/data/'))).toEqual([]);
  });

  it('has only suggestions in its comments that would be taken', async () => {
    const file = await readFile('config/production.env', 'utf8');
    const suggested = [...file.matchAll(/^#(?<name>\w+)=(?<value>.+)$/gm)].map(
      ({ groups }) => [groups?.['name'] ?? '', groups?.['value'] ?? ''] as const,
    );
    const usable = suggested.filter(([name]) => !name.endsWith('_FILE'));
    expect(usable.length).toBeGreaterThan(0);
    const { settings: effective } = await load({
      NODE_ENV: 'production',
      ...Object.fromEntries(usable),
    });
    const taken = effective.filter(({ source }) => source === 'environment');
    expect(taken.map(({ name }) => name).toSorted()).toEqual(
      usable.map(([name]) => name).toSorted(),
    );
  });
});

describe('the effective configuration', () => {
  it('has a line for each variable', async () => {
    const lines = describeConfiguration(await load({}))
      .trimEnd()
      .split('\n');
    const shown = lines.map((line) => line.split(/\s+/)[1] ?? '');
    expect(shown.toSorted()).toEqual(names.toSorted());
  });
});
