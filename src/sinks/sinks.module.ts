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
        SINK_CATALOGUE.flatMap((definition, index) => {
          const { name } = definition;
          const own = options[index] ?? {};
          return outputs.includes(name)
            ? [{ name, sink: definition.create(own), bounds: definition.bounds?.(own) }]
            : [];
        }),
    },
  ],
  exports: [SINKS],
})
export class SinksModule {}
