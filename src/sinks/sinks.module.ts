import { Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { getterOf } from '../config/getter-of.js';
import { type ConfiguredSink, SINKS } from './configured-sinks.js';
import { SINK_CATALOGUE, SINK_OPTIONS_CLASSES } from './sink.catalogue.js';
import { SinksOptions } from './sinks.options.js';

const OPTIONS_CLASSES = [SinksOptions, ...SINK_OPTIONS_CLASSES];

@Module({
  providers: [
    {
      provide: SINKS,
      inject: OPTIONS_CLASSES.map(({ key }) => getConfigToken(key)),
      useFactory: (...options: object[]): readonly ConfiguredSink[] => configuredSinks(options),
    },
  ],
  exports: [SINKS],
})
export class SinksModule {}

function configuredSinks(options: readonly object[]): readonly ConfiguredSink[] {
  const get = getterOf(options);
  const { outputs } = get(SinksOptions);
  return SINK_CATALOGUE.filter(({ name }) => outputs.includes(name)).map((definition) => ({
    name: definition.name,
    sink: definition.create(get),
    bounds: definition.bounds(get),
  }));
}
