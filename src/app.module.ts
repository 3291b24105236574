import { type DynamicModule, Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { DeadLetterOptions } from './config/dead-letter.options.js';
import { DeliveryModule } from './delivery/delivery.module.js';
import { DeadLetterRequests } from './disk/dead-letter-requests.js';
import { HealthModule } from './health/health.module.js';
import type { Readiness } from './health/readiness.js';
import { IngestionModule } from './ingestion/ingestion.module.js';
import { PipelineObserver } from './metrics/pipeline-observer.js';
import { QueueingModule } from './queueing/queueing.module.js';

export interface CollectorParts {
  readonly configuration: DynamicModule;
  readonly observer: PipelineObserver;
  readonly readiness: Readiness;
  /** The names in `OUTPUTS`. */
  readonly sinks: readonly string[];
}

/** Root of the collector's application: what it holds and how it is wired. */
@Module({})
export class AppModule {
  static forRoot({ configuration, observer, readiness, sinks }: CollectorParts): DynamicModule {
    return {
      module: AppModule,
      // The observer lives outside, since the metrics application shows it before and after this one.
      global: true,
      imports: [
        configuration,
        QueueingModule.forRoot({ sinks }),
        DeliveryModule,
        IngestionModule,
        HealthModule.forRoot(readiness, { alive: 'ok', withErrors: false }),
      ],
      providers: [
        { provide: PipelineObserver, useValue: observer },
        {
          provide: DeadLetterRequests,
          inject: [getConfigToken(DeadLetterOptions.key)],
          useFactory: ({ path }: DeadLetterOptions) => new DeadLetterRequests(path),
        },
      ],
      exports: [PipelineObserver, DeadLetterRequests],
    };
  }
}
