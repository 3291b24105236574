import { Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { DeadLetterOptions } from '../config/dead-letter.options.js';
import { SinksModule } from '../sinks/sinks.module.js';
import { BoundedDeadLetters } from './dead-letters/bounded-dead-letters.js';
import { DeadLetterFiles } from './dead-letters/dead-letter-files.js';
import { DeadLetters } from './dead-letters/dead-letters.js';
import { DeadLetterStore } from './dead-letters/dead-letter-store.js';
import { Lanes } from './lanes.js';

const MIB = 1024 * 1024;

/** The lanes out of the queue, which like the requests about dead letters comes from a global module. */
@Module({
  imports: [SinksModule],
  providers: [
    {
      provide: DeadLetterStore,
      inject: [getConfigToken(DeadLetterOptions.key)],
      useFactory: ({ path, maxMegabytes }: DeadLetterOptions) =>
        new BoundedDeadLetters(new DeadLetterFiles(path, maxMegabytes * MIB), path),
    },
    DeadLetters,
    Lanes,
  ],
  exports: [Lanes],
})
export class DeliveryModule {}
