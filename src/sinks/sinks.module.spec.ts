import { Module } from '@nestjs/common';
import { ConfigModule, registerAs } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ConfiguredSink, SINKS } from './configured-sinks.js';
import { LogSink } from './log/log-sink.js';
import { LogOptions } from './log/log.options.js';
import { StdoutSink } from './log/stdout-sink.js';
import { PostgresSink } from './postgres/postgres-sink.js';
import { PostgresOptions } from './postgres/postgres.options.js';
import { SINK_OPTIONS_CLASSES } from './sink.catalogue.js';
import { SinksModule } from './sinks.module.js';
import { SinksOptions } from './sinks.options.js';

async function configuredSinks(
  log: Partial<LogOptions>,
  outputs: readonly string[] = ['log'],
): Promise<readonly ConfiguredSink[]> {
  const given = new Map<object, object>([
    [SinksOptions, { outputs }],
    [PostgresOptions, { batchSize: 7, flushMs: 8 }],
    [LogOptions, log],
  ]);
  const load = [SinksOptions, ...SINK_OPTIONS_CLASSES].map((optionsClass) =>
    registerAs(optionsClass.key, () => Object.assign(new optionsClass(), given.get(optionsClass))),
  );
  @Module({
    imports: [ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, load }), SinksModule],
  })
  class TestModule {}
  const context = await NestFactory.createApplicationContext(TestModule, { logger: false });
  onTestFinished(() => context.close());
  return context.get<readonly ConfiguredSink[]>(SINKS);
}

describe('SinksModule', () => {
  it('provides the sinks that OUTPUTS names, made from their options', async () => {
    const [log, ...others] = await configuredSinks({ path: './elsewhere.ndjson' });

    expect(log?.name).toBe('log');
    expect(log?.sink).toBeInstanceOf(LogSink);
    expect(others).toEqual([]);
  });

  it('provides the log on standard output when LOG_PATH says so', async () => {
    const [log] = await configuredSinks({ path: 'stdout' });

    expect(log?.sink).toBeInstanceOf(StdoutSink);
  });

  it('says with what bounds a sink wants its batches, where it has its own', async () => {
    const [log, postgres] = await configuredSinks({}, ['log', 'postgres']);

    expect(log?.bounds).toBeUndefined();
    expect(postgres?.sink).toBeInstanceOf(PostgresSink);
    expect(postgres?.bounds).toEqual({ maxEvents: 7, lingerMs: 8 });
  });
});
