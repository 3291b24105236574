import { type DynamicModule, Module } from '@nestjs/common';
import { HealthModule } from './health/health.module.js';
import type { Readiness } from './health/readiness.js';
import { IngestionModule } from './ingestion/ingestion.module.js';
import { PipelineObserver } from './metrics/pipeline-observer.js';
import { QueueingModule } from './queueing/queueing.module.js';

export interface CollectorParts {
  readonly configuration: DynamicModule;
  readonly observer: PipelineObserver;
  readonly readiness: Readiness;
}

/** Root of the collector's application: what stands in it and how it is wired. */
@Module({})
export class AppModule {
  static forRoot({ configuration, observer, readiness }: CollectorParts): DynamicModule {
    return {
      module: AppModule,
      // The observer lives outside, since the metrics application shows it before and after this one.
      global: true,
      imports: [
        configuration,
        QueueingModule,
        IngestionModule,
        HealthModule.forRoot(readiness, { alive: 'ok', withErrors: false }),
      ],
      providers: [{ provide: PipelineObserver, useValue: observer }],
      exports: [PipelineObserver],
    };
  }
}
