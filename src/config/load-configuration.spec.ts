import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IsIn, Max, MaxLength, Min } from 'class-validator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigurationError, type Fault } from './configuration-error.js';
import { type LoadConfigurationFrom, loadConfiguration } from './load-configuration.js';
import { LoggingOptions } from './logging.options.js';
import type { OptionsRules } from './read-options.js';
import { boolean, integer, list, listenAddress, oneOf, text } from './parsers.js';
import { InjectOptions } from './inject-options.js';
import { Setting } from './setting.js';

class BatchOptions implements OptionsRules {
  static readonly key = 'batch';

  @Setting('BATCH_SIZE', integer, { doc: 'Events.' })
  @Min(1)
  @Max(1000)
  readonly size: number = 500;

  @Setting('FLUSH_INTERVAL_MS', integer, { doc: 'Wait.', unit: 'ms' })
  @Min(0)
  readonly flushIntervalMs: number = 250;

  faults(): Fault[] {
    return this.size === 13 ? [{ name: 'BATCH_SIZE', reason: 'brings bad luck' }] : [];
  }

  warnings(): string[] {
    return this.flushIntervalMs === 0 ? ['FLUSH_INTERVAL_MS=0: every event is a batch'] : [];
  }
}

class OutputOptions {
  static readonly key = 'output';

  @Setting('OUTPUTS', list, { doc: 'Sinks.' })
  @IsIn(['log', 'kafka'], { each: true })
  readonly names: readonly string[] = ['log'];

  @Setting('METRICS_ENABLED', boolean, { doc: 'Metrics.' })
  readonly metrics: boolean = false;

  @Setting('SERVER_ADDR', listenAddress, { doc: 'Address.' })
  readonly address = { host: '::', port: 19_890 };

  @Setting('KAFKA_COMPRESSION', oneOf('none', 'gzip'), { doc: 'Compression.' })
  readonly compression: string = 'none';

  @Setting('KAFKA_BROKERS', list, { doc: 'Brokers.' })
  readonly brokers: readonly string[] = [];

  @Setting('KAFKA_TLS_CA', text, { doc: 'A short path.' })
  @MaxLength(8)
  readonly ca: string | undefined = undefined;
}

function chattyParser(value: string): string {
  if (!value.startsWith('postgres:')) {
    throw new TypeError(`not an address: ${value}`);
  }
  return value;
}

class SecretOptions {
  static readonly key = 'secret';

  @Setting('IP_HASH_SECRET', text, { doc: 'Key.', secret: true })
  readonly hash: string | undefined = undefined;

  @Setting('PG_DSN', chattyParser, { doc: 'Address.', secret: true })
  readonly dsn: string | undefined = undefined;
}

const ALL = [BatchOptions, OutputOptions, SecretOptions];

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-config-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function write(file: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(join(directory, file)), { recursive: true });
  await writeFile(join(directory, file), content);
}

function load(
  environment: Record<string, string> = {},
  more: Pick<LoadConfigurationFrom, 'crossChecks'> = {},
) {
  return loadConfiguration(ALL, { environment, directory, ...more });
}

async function failure(...given: Parameters<typeof load>): Promise<ConfigurationError> {
  const error: unknown = await load(...given).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigurationError)) {
    throw new TypeError('the configuration was taken, or failed in another way', { cause: error });
  }
  return error;
}

async function faults(...given: Parameters<typeof load>): Promise<readonly Fault[]> {
  return (await failure(...given)).faults;
}

async function logging(environment: Record<string, string>): Promise<LoggingOptions> {
  const configuration = await loadConfiguration([LoggingOptions], { environment, directory });
  return configuration.get(LoggingOptions);
}

async function level(environment: Record<string, string>): Promise<string> {
  return (await logging(environment)).level;
}

describe('sources', () => {
  it('leaves the defaults where nothing is set', async () => {
    const configuration = await load();
    expect(configuration.get(BatchOptions)).toEqual(new BatchOptions());
    expect(configuration.get(OutputOptions)).toEqual(new OutputOptions());
    expect(configuration.warnings).toEqual([]);
  });

  it("takes the environment first, then NODE_ENV's file, then .env", async () => {
    await write('config/staging.env', 'BATCH_SIZE=2\nFLUSH_INTERVAL_MS=2\n');
    await write('.env', 'BATCH_SIZE=3\nFLUSH_INTERVAL_MS=3\nOUTPUTS=kafka\n');
    const configuration = await load({ NODE_ENV: 'staging', BATCH_SIZE: '1' });
    expect(configuration.get(BatchOptions)).toMatchObject({ size: 1, flushIntervalMs: 2 });
    expect(configuration.get(OutputOptions).names).toEqual(['kafka']);
    expect(configuration.settings.slice(0, 3)).toMatchObject([
      { name: 'BATCH_SIZE', shown: '1', source: 'environment' },
      { name: 'FLUSH_INTERVAL_MS', shown: '2', source: 'config/staging.env' },
      { name: 'OUTPUTS', shown: 'kafka', source: '.env' },
    ]);
  });

  it('reads no file of another NODE_ENV', async () => {
    await write('config/development.env', 'METRICS_ENABLED=true\n');
    const configuration = await load({ NODE_ENV: 'production' });
    expect(configuration.get(OutputOptions).metrics).toBe(false);
  });

  it('takes an empty variable for an unset one in every source', async () => {
    await write('config/staging.env', 'BATCH_SIZE=\nFLUSH_INTERVAL_MS=2\n');
    await write('.env', 'BATCH_SIZE=3\n');
    const configuration = await load({
      NODE_ENV: 'staging',
      BATCH_SIZE: '',
      FLUSH_INTERVAL_MS: '',
      REQUIRE_HMAC: '',
      METRICS_ENABLE: '',
    });
    expect(configuration.get(BatchOptions)).toMatchObject({ size: 3, flushIntervalMs: 2 });
  });

  it('writes nothing into the environment of the process', async () => {
    await write('.env', 'BATCH_SIZE=3\nIP_HASH_SECRET=s\nUNHEARD_OF=1\n');
    const before = { ...process.env };
    await load({ FLUSH_INTERVAL_MS: '7' });
    expect(process.env).toEqual(before);
  });

  it('says which files it has read, and NODE_ENV', async () => {
    await write('config/staging.env', '');
    expect(await load({ NODE_ENV: 'staging' })).toMatchObject({
      nodeEnv: 'staging',
      files: ['config/staging.env'],
      warnings: [],
    });
    await write('.env', '');
    expect((await load({ NODE_ENV: 'staging' })).files).toEqual(['config/staging.env', '.env']);
    expect(await load({ NODE_ENV: '' })).toMatchObject({ nodeEnv: undefined, files: ['.env'] });
  });

  it('warns of a NODE_ENV that names no file of config/', async () => {
    expect((await load({ NODE_ENV: 'prod' })).warnings).toEqual([
      `NODE_ENV=prod: there is no config/prod.env in ${directory}; there is no folder config/`,
    ]);
    await write('config/production.env', '');
    await write('config/development.env', '');
    expect((await load({ NODE_ENV: 'prod' })).warnings).toEqual([
      expect.stringMatching(/; config\/ has development\.env, production\.env$/),
    ]);
  });

  it('takes an env file with the byte order mark of UTF-8', async () => {
    await write('.env', '\uFEFFBATCH_SIZE=2\nFLUSH_INTERVAL_MS=3\n');
    const configuration = await load();
    expect(configuration.get(BatchOptions)).toMatchObject({ size: 2, flushIntervalMs: 3 });
  });

  const line = 'BATCH_SIZE=2\n';
  it.each([
    ['UTF-16', Buffer.from(line, 'utf16le')],
    ['UTF-16 with a byte order mark', Buffer.from(`\uFEFF${line}`, 'utf16le')],
    ['big-endian UTF-16', Buffer.from(`\uFEFF${line}`, 'utf16le').swap16()],
    ['Latin-1', Buffer.from('# für alle\n', 'latin1')],
  ])('refuses an env file in %s', async (_encoding, content) => {
    await write('.env', content);
    expect(await faults()).toEqual([
      {
        name: '.env',
        reason: 'this env file cannot be read: it is not in UTF-8; save it as UTF-8',
      },
    ]);
  });

  it('refuses an env file that cannot be read', async () => {
    await mkdir(join(directory, '.env'));
    expect(await faults()).toEqual([
      { name: '.env', reason: 'this env file cannot be read: it is a directory (EISDIR)' },
    ]);
  });
});

describe('faults', () => {
  it('reports all of them at once, each on a line of its own', async () => {
    const error = await failure({
      BATCH_SIZE: '0',
      FLUSH_INTERVAL_MS: 'soon',
      OUTPUTS: 'log,disk',
      FORWARD_DESTINATION: 'http://shop',
      METRICS_ENABLE: 'true',
    });
    expect(error.message).toBe(
      `the configuration cannot be used:
  FLUSH_INTERVAL_MS: must be a whole number
  BATCH_SIZE: must not be less than 1
  OUTPUTS: each item must be one of the following values: log, kafka
  FORWARD_DESTINATION: is not supported yet; unset it
  METRICS_ENABLE: unknown; did you mean METRICS_ENABLED?`,
    );
  });

  it('finds a misspelt name in an env file, and that of a secret file', async () => {
    await write('.env', 'KAFKA_BROKER=a\n');
    expect(await faults({ IP_HASH_SECRET_FIEL: 'x' })).toEqual([
      { name: 'IP_HASH_SECRET_FIEL', reason: 'unknown; did you mean IP_HASH_SECRET_FILE?' },
      { name: 'KAFKA_BROKER', reason: 'unknown; did you mean KAFKA_BROKERS?' },
    ]);
  });

  it.each([
    ['BATCH_SIZE', '"7"'],
    ['OUTPUTS', '"log"'],
    ['KAFKA_TLS_CA', "'a b'"],
    ['KAFKA_TLS_CA', '""'],
    ['SERVER_ADDR', '`:1`'],
    ['PG_DSN', '"postgres://u:p@h/d"'],
    ['PG_DSN_FILE', '"/run/dsn"'],
    ['NODE_ENV', '"production"'],
  ])('refuses %s in quotes that its source has kept: %s', async (name, value) => {
    expect(await faults({ [name]: value })).toEqual([
      { name, reason: expect.stringMatching(/^begins and ends with quotes.*remove the quotes$/) },
    ]);
  });

  it('takes quotes inside a value, and those of an env file', async () => {
    await write('.env', 'BATCH_SIZE="7"\nIP_HASH_SECRET=\'a "b"\'\n');
    const configuration = await load({ KAFKA_TLS_CA: `"a"b'` });
    expect(configuration.get(BatchOptions).size).toBe(7);
    expect(configuration.get(SecretOptions).hash).toBe('a "b"');
    expect(configuration.get(OutputOptions).ca).toBe(`"a"b'`);
  });

  it('refuses the quotes that remain of a value in an env file', async () => {
    await write('.env', `KAFKA_TLS_CA='"a"'\n`);
    expect(await faults()).toMatchObject([{ name: 'KAFKA_TLS_CA' }]);
  });

  it('ignores other names', async () => {
    const configuration = await load({ UNHEARD_OF: '1', PATH: '/bin' });
    expect(configuration.get(BatchOptions).size).toBe(500);
  });

  it("asks a class's own rules once its values are sound", async () => {
    expect(await faults({ BATCH_SIZE: '13' })).toEqual([
      { name: 'BATCH_SIZE', reason: 'brings bad luck' },
    ]);
    expect(await faults({ BATCH_SIZE: '13', FLUSH_INTERVAL_MS: 'x' })).toEqual([
      { name: 'FLUSH_INTERVAL_MS', reason: 'must be a whole number' },
    ]);
  });

  it('asks rules over several classes once all values are sound', async () => {
    const crossChecks: LoadConfigurationFrom['crossChecks'] = [
      (get) =>
        get(BatchOptions).size > 1 && get(OutputOptions).metrics
          ? [{ name: 'METRICS_ENABLED', reason: 'needs BATCH_SIZE=1' }]
          : [],
    ];
    const environment = { METRICS_ENABLED: 'true' };
    expect(await faults(environment, { crossChecks })).toEqual([
      { name: 'METRICS_ENABLED', reason: 'needs BATCH_SIZE=1' },
    ]);
    expect(await faults({ ...environment, BATCH_SIZE: 'x' }, { crossChecks })).toEqual([
      { name: 'BATCH_SIZE', reason: 'must be a whole number' },
    ]);
  });

  it('reports what the options warn about', async () => {
    const configuration = await load({ FLUSH_INTERVAL_MS: '0' });
    expect(configuration.warnings).toEqual(['FLUSH_INTERVAL_MS=0: every event is a batch']);
  });

  const marker = 'Zq7-marker-81';
  it.each([
    ['a number', 'BATCH_SIZE', marker],
    ['a boolean', 'METRICS_ENABLED', marker],
    ['an item of a list', 'OUTPUTS', `log,${marker}`],
    ['an address', 'SERVER_ADDR', marker],
    ['a word', 'KAFKA_COMPRESSION', marker],
    ['a text out of bounds', 'KAFKA_TLS_CA', marker],
    ['a secret, where the parser fails with another error', 'PG_DSN', marker],
    ['a path to a secret', 'IP_HASH_SECRET_FILE', `/nowhere/${marker}`],
    ['a variable that is not supported', 'CLICKHOUSE_PASSWORD', marker],
    ['a path to a secret that is not supported', 'CLICKHOUSE_PASSWORD_FILE', `/nowhere/${marker}`],
    ['a misspelt name', 'METRICS_ENABLE', marker],
  ])('never shows the value of %s', async (_kind, name, value) => {
    const error = await failure({ [name]: value });
    expect(error.faults.map((fault) => fault.name)).toEqual([name]);
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain(marker);
  });
});

describe('secrets', () => {
  it.each([
    ['s3cret', 's3cret'],
    ['s3cret\n', 's3cret'],
    ['s3cret\r\n', 's3cret'],
    ['s3cret\n\n', 's3cret\n'],
    [' s3cret ', ' s3cret '],
    ['\uFEFFs3cret', 's3cret'],
  ])('takes the content %j of the file that NAME_FILE names as %j', async (content, secret) => {
    await write('secrets/hash', content);
    const configuration = await load({ IP_HASH_SECRET_FILE: 'secrets/hash' });
    expect(configuration.get(SecretOptions).hash).toBe(secret);
  });

  it('shows them masked, with the variable that named their file', async () => {
    await write('hash', 's3cret');
    await write('.env', `IP_HASH_SECRET_FILE=${join(directory, 'hash')}\n`);
    const { settings } = await load({ PG_DSN: 'postgres://u:s3cret@db/x' });
    expect(settings.filter(({ module }) => module === 'secret')).toEqual([
      {
        module: 'secret',
        name: 'IP_HASH_SECRET',
        shown: '********',
        source: '.env (IP_HASH_SECRET_FILE)',
      },
      { module: 'secret', name: 'PG_DSN', shown: '********', source: 'environment' },
    ]);
  });

  it('refuses NAME beside NAME_FILE, whichever sources they come from', async () => {
    await write('.env', 'IP_HASH_SECRET=a\n');
    expect(await faults({ IP_HASH_SECRET_FILE: 'x' })).toEqual([
      {
        name: 'IP_HASH_SECRET',
        reason: 'is set, and so is IP_HASH_SECRET_FILE; unset one of them',
      },
    ]);
  });

  it('refuses a file that is missing, a directory, or empty', async () => {
    await write('empty', '\n');
    const name = 'IP_HASH_SECRET_FILE';
    expect(await faults({ [name]: 'gone' })).toEqual([
      { name, reason: 'names a file that cannot be read: it does not exist (ENOENT)' },
    ]);
    expect(await faults({ [name]: '.' })).toEqual([
      { name, reason: 'names a file that cannot be read: it is a directory (EISDIR)' },
    ]);
    expect(await faults({ [name]: 'empty' })).toEqual([
      { name, reason: 'names a file that is empty; write the secret to it or unset it' },
    ]);
  });

  it('refuses a file in another encoding', async () => {
    await write('hash', Buffer.from('s3cret', 'utf16le'));
    expect(await faults({ IP_HASH_SECRET_FILE: 'hash' })).toEqual([
      {
        name: 'IP_HASH_SECRET_FILE',
        reason: 'names a file that is not in UTF-8; save it as UTF-8',
      },
    ]);
  });

  it('takes no file for what is no secret', async () => {
    await write('size', '7');
    const configuration = await load({ BATCH_SIZE_FILE: 'size' });
    expect(configuration.get(BatchOptions).size).toBe(500);
  });
});

describe('options', () => {
  it('are frozen', async () => {
    const options = (await load()).get(BatchOptions);
    expect(Object.isFrozen(options)).toBe(true);
  });

  it('are handed out only for the classes that were loaded', async () => {
    const configuration = await load();
    expect(() => configuration.get(LoggingOptions)).toThrow("'logging'");
  });

  it('are injected into every application that imports the module', async () => {
    const configuration = await load({ BATCH_SIZE: '7' });

    @Injectable()
    class Consumer {
      constructor(@InjectOptions(BatchOptions) readonly options: BatchOptions) {}
    }
    @Module({ providers: [Consumer] })
    class Feature {}
    @Module({ imports: [configuration.module, Feature] })
    class First {}
    @Module({ imports: [configuration.module, Feature] })
    class Second {}

    for (const root of [First, Second]) {
      const application = await NestFactory.createApplicationContext(root, { logger: false });
      expect(application.get(Consumer, { strict: false }).options).toBe(
        configuration.get(BatchOptions),
      );
      await application.close();
    }
  });
});

describe('LOG_LEVEL', () => {
  it('is info unless set', async () => {
    expect(await level({})).toBe('info');
  });

  it.each(['trace', 'debug', 'INFO', 'warn', 'error', 'fatal'])('takes %s', async (value) => {
    expect(await level({ LOG_LEVEL: value })).toBe(value.toLowerCase());
  });

  it('takes no other word', async () => {
    await expect(level({ LOG_LEVEL: 'verbose' })).rejects.toThrow(
      'LOG_LEVEL: must be one of trace, debug, info, warn, error, fatal',
    );
  });
});

describe('LOG_FORMAT', () => {
  it('is left to the start unless set', async () => {
    expect((await logging({})).format).toBeUndefined();
    expect((await logging({ LOG_FORMAT: 'Pretty' })).format).toBe('pretty');
  });
});
