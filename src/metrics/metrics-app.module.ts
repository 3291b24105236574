import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import {
  makeCounterProvider,
  makeGaugeProvider,
  PrometheusModule,
} from '@willsoto/nestjs-prometheus';
import { Registry } from 'prom-client';
import { ErrorFilter } from '../http/error-filter.js';
import { BEARER_TOKEN, BearerGuard } from './bearer.guard.js';
import type { CurrentToken } from './current-token.js';
import { readBuildInfo } from '../config/build-info.js';
import { Exposition } from './exposition.js';
import { INSTRUMENTS } from './instruments.js';
import { MetricsController } from './metrics.controller.js';
import { type MetricSource, registerCollected } from './collected-metric.js';
import { ROUTES } from './routes.js';
import { RuntimeMetrics } from './runtime-metrics.js';
import { StatusController } from './status/status.controller.js';
import { STATUS_SOURCES, StatusReporter, type StatusSources } from './status/status-reporter.js';

const ERRORS = { application: 'Metrics', routes: ROUTES, notFoundDetail: 'GET / names them all' };

export interface MetricsAppParts {
  /** What lives outside this application and is shown here: the pipeline's observer, the collector's HTTP counts. */
  readonly sources: readonly MetricSource[];
  /** What the page for people shows. */
  readonly status: StatusSources;
  /** Modules with further controllers: health. */
  readonly imports: NonNullable<ModuleMetadata['imports']>;
  /** What `GET /metrics` has to bring, if anything. */
  readonly token?: CurrentToken | undefined;
}

/** Root of the second application, on METRICS_ADDR. */
@Module({})
export class MetricsAppModule {
  static forRoot({ sources, status, imports, token }: MetricsAppParts): DynamicModule {
    const registry = new Registry();
    for (const source of sources) {
      source.registerOn(registry);
    }
    const { version, revision } = readBuildInfo();
    registerCollected(registry, INSTRUMENTS.buildInfo, () => [[{ version, revision }, 1]]);

    const providers = [
      { provide: Registry, useValue: registry },
      Exposition,
      { provide: BEARER_TOKEN, useValue: token },
      BearerGuard,
      makeCounterProvider({ ...INSTRUMENTS.scrapes, registers: [registry] }),
      makeGaugeProvider({ ...INSTRUMENTS.scrapesInFlight, registers: [registry] }),
    ];
    return {
      module: MetricsAppModule,
      // The controller is instantiated by the PrometheusModule, which knows nothing of our providers.
      global: true,
      imports: [
        PrometheusModule.register({
          controller: MetricsController,
          defaultMetrics: { enabled: false },
        }),
        ...imports,
      ],
      controllers: [StatusController],
      providers: [
        ...providers,
        RuntimeMetrics,
        { provide: STATUS_SOURCES, useValue: status },
        StatusReporter,
        { provide: APP_FILTER, useFactory: () => new ErrorFilter(ERRORS) },
      ],
      exports: providers,
    };
  }
}
