import { type DynamicModule, Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { DeadLetterOptions } from './config/dead-letter.options.js';
import { DeliveryModule } from './delivery/delivery.module.js';
import { DeadLetterRequests } from './disk/dead-letter-requests.js';
import { HealthModule } from './health/health.module.js';
import type { Readiness } from './health/readiness.js';
import { IngestionModule } from './ingestion/ingestion.module.js';
import { PipelineObserver } from './metrics/pipeline-observer.js';
import type { QueuePlan } from './queueing/queue-plan.js';
import { QueueingModule } from './queueing/queueing.module.js';

export interface ApplicationParts {
  readonly configuration: DynamicModule;
  readonly observer: PipelineObserver;
  readonly readiness: Readiness;
  readonly plan: QueuePlan;
}

/** Root of the application: what it holds in its role, and how that is wired. */
@Module({})
export class AppModule {
  static forRoot({ configuration, observer, readiness, plan }: ApplicationParts): DynamicModule {
    const collector =
      plan.role === 'deliver'
        ? []
        : [IngestionModule, HealthModule.forRoot(readiness, { alive: 'ok', withErrors: false })];
    return {
      module: AppModule,
      // The observer lives outside, since the metrics application shows it before and after this one.
      global: true,
      imports: [
        configuration,
        QueueingModule.forRoot(plan),
        DeliveryModule.forRoot(plan),
        ...collector,
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
