import { Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import type { GetOptions } from '../config/load-configuration.js';
import type { OptionsClass } from '../config/setting.js';
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
  const get: GetOptions = <T extends object>(optionsClass: OptionsClass<T>): T => {
    const found = options.find((each): each is T => each instanceof optionsClass);
    if (!found) {
      throw new Error(`the options '${optionsClass.key}' are not among those of the sinks`);
    }
    return found;
  };
  const { outputs } = get(SinksOptions);
  return SINK_CATALOGUE.filter(({ name }) => outputs.includes(name)).map((definition) => ({
    name: definition.name,
    sink: definition.create(get),
    bounds: definition.bounds(get),
  }));
}
