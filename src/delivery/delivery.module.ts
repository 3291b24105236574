import { Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { DeadLetterOptions } from '../config/dead-letter.options.js';
import { SinksModule } from '../sinks/sinks.module.js';
import { DeadLetters } from './dead-letters/dead-letters.js';
import { Lanes } from './lanes.js';

const MIB = 1024 * 1024;

/** The lanes out of the queue, which like the requests about dead letters comes from a global module. */
@Module({
  imports: [SinksModule],
  providers: [
    {
      provide: DeadLetters,
      inject: [getConfigToken(DeadLetterOptions.key)],
      useFactory: ({ path, maxMegabytes }: DeadLetterOptions) =>
        new DeadLetters(path, maxMegabytes * MIB),
    },
    Lanes,
  ],
  exports: [Lanes],
})
export class DeliveryModule {}
