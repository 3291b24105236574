import { type DynamicModule, Module } from '@nestjs/common';
import { HEALTH_ANSWERS, type HealthAnswers, HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';

/** `/healthz` and `/readyz`; in both applications, each with its own answers. */
@Module({})
export class HealthModule {
  static forRoot(readiness: Readiness, answers: HealthAnswers): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [
        { provide: Readiness, useValue: readiness },
        { provide: HEALTH_ANSWERS, useValue: answers },
      ],
    };
  }
}
