import { type DynamicModule, Global, Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { PipelineObserver } from '../metrics/pipeline-observer.js';
import { EventQueue, Readers } from './event-queue.js';
import { queueDriver } from './queue.catalogue.js';
import { QueueingOptions } from './queueing.options.js';

/** One driver's queue, open: ingestion appends to it, delivery reads from it. */
const OPEN_QUEUE = Symbol('OPEN_QUEUE');

/** The durable queue. `PipelineObserver` and the options come from global modules. */
@Global()
@Module({})
export class QueueingModule {
  /** @param sinks the names of those that read the queue */
  static forRoot({ sinks }: { readonly sinks: readonly string[] }): DynamicModule {
    return {
      module: QueueingModule,
      providers: [
        {
          provide: OPEN_QUEUE,
          inject: [getConfigToken(QueueingOptions.key), PipelineObserver],
          useFactory: (options: QueueingOptions, observer: PipelineObserver) =>
            queueDriver.open(options, sinks, observer),
        },
        { provide: EventQueue, useExisting: OPEN_QUEUE },
        { provide: Readers, useExisting: OPEN_QUEUE },
      ],
      exports: [EventQueue, Readers],
    };
  }
}
