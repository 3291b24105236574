import { Global, Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { PipelineObserver } from '../metrics/pipeline-observer.js';
import { type ConfiguredSink, SINKS } from '../sinks/configured-sinks.js';
import { SinksModule } from '../sinks/sinks.module.js';
import { DeadLetterRequests } from './dead-letter-requests.js';
import { DeadLetters } from './dead-letters.js';
import { EmbeddedQueue } from './embedded/embedded-queue.js';
import { EventQueue } from './event-queue.js';
import { Lanes } from './lanes.js';
import { QueueingOptions } from './queueing.options.js';
import { RejectedRing } from './rejected-ring.js';

const MIB = 1024 * 1024;
const options = getConfigToken(QueueingOptions.key);

/** The durable queue and the lanes out of it. `PipelineObserver` and the options come from global modules. */
@Global()
@Module({
  imports: [SinksModule],
  providers: [
    {
      provide: EmbeddedQueue,
      inject: [options, SINKS, PipelineObserver],
      useFactory: (
        { path, maxMegabytes }: QueueingOptions,
        sinks: readonly ConfiguredSink[],
        observer: PipelineObserver,
      ) =>
        EmbeddedQueue.open(
          { directory: path, maxBytes: maxMegabytes * MIB, sinks: sinks.map(({ name }) => name) },
          observer,
        ),
    },
    { provide: EventQueue, useExisting: EmbeddedQueue },
    {
      provide: DeadLetters,
      inject: [options],
      useFactory: ({ deadLetterPath, deadLetterMaxMegabytes }: QueueingOptions) =>
        new DeadLetters(deadLetterPath, deadLetterMaxMegabytes * MIB),
    },
    {
      provide: DeadLetterRequests,
      inject: [options],
      useFactory: ({ deadLetterPath }: QueueingOptions) => new DeadLetterRequests(deadLetterPath),
    },
    {
      provide: RejectedRing,
      inject: [options, PipelineObserver],
      useFactory: (
        { deadLetterPath, deadLetterMaxMegabytes }: QueueingOptions,
        observer: PipelineObserver,
      ) => new RejectedRing(deadLetterPath, (deadLetterMaxMegabytes * MIB) / 4, observer),
    },
    Lanes,
  ],
  exports: [EventQueue, Lanes, RejectedRing, DeadLetterRequests],
})
export class QueueingModule {}
