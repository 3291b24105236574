import { Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { type ConfiguredSink, SINKS } from './configured-sinks.js';
import { SINK_CATALOGUE } from './sink.catalogue.js';
import { SinksOptions } from './sinks.options.js';

@Module({
  providers: [
    {
      provide: SINKS,
      inject: [SinksOptions, ...SINK_CATALOGUE.map(({ optionsClass }) => optionsClass)].map(
        ({ key }) => getConfigToken(key),
      ),
      // The options of every sink come in the order of the catalogue.
      useFactory: ({ outputs }: SinksOptions, ...options: object[]): readonly ConfiguredSink[] =>
        SINK_CATALOGUE.flatMap((definition, index) =>
          outputs.includes(definition.name)
            ? [{ name: definition.name, sink: definition.create(options[index] ?? {}) }]
            : [],
        ),
    },
  ],
  exports: [SINKS],
})
export class SinksModule {}
