import { type DynamicModule, Global, Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { getterOf } from '../config/getter-of.js';
import { PipelineObserver } from '../metrics/pipeline-observer.js';
import { EventQueue, LocalQueue, Readers } from './event-queue.js';
import { Fleet } from './fleet.js';
import { QUEUE_CATALOGUE } from './queue.catalogue.js';
import type { OpenQueue } from './queue-driver.js';
import { forwards, type QueuePlan } from './queue-plan.js';

const OPEN_QUEUE = Symbol('OPEN_QUEUE');

/** The durable queue. `PipelineObserver` and the options come from global modules. */
@Global()
@Module({})
export class QueueingModule {
  static forRoot(plan: QueuePlan): DynamicModule {
    const driver = QUEUE_CATALOGUE[plan.driver];
    const { optionsClasses } = driver;
    // What is on its way to a topic is not durable enough yet: delivery has a way in that waits for it.
    const waysIn = forwards(plan) ? [] : [{ provide: EventQueue, useExisting: LocalQueue }];
    return {
      module: QueueingModule,
      providers: [
        {
          provide: OPEN_QUEUE,
          inject: [PipelineObserver, ...optionsClasses.map(({ key }) => getConfigToken(key))],
          useFactory: (observer: PipelineObserver, ...options: object[]) =>
            driver.open(getterOf(options), plan, observer),
        },
        {
          provide: LocalQueue,
          inject: [OPEN_QUEUE],
          useFactory: ({ local }: OpenQueue) => local,
        },
        { provide: Fleet, inject: [OPEN_QUEUE], useFactory: ({ fleet }: OpenQueue) => fleet },
        { provide: Readers, inject: [OPEN_QUEUE], useFactory: ({ readers }: OpenQueue) => readers },
        ...waysIn,
      ],
      exports: [LocalQueue, Readers, Fleet, ...(waysIn.length > 0 ? [EventQueue] : [])],
    };
  }
}
