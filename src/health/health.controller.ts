import { Controller, Get, Header, HttpStatus, Inject, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { HttpMetricsInterceptor } from '../metrics/http-metrics.interceptor.js';
import { type Check, Readiness } from './readiness.js';

export interface HealthAnswers {
  /** What `/healthz` says. */
  readonly alive: string;
  /** Error texts name hosts and paths: for the metrics address only. */
  readonly withErrors: boolean;
}

export const HEALTH_ANSWERS = Symbol('HEALTH_ANSWERS');

interface ReadyAnswer {
  readonly status: 'ok' | 'degraded' | 'unavailable';
  readonly checks: Readonly<Record<string, string>>;
  readonly errors?: Readonly<Record<string, string>>;
}

@Controller()
@UseInterceptors(HttpMetricsInterceptor)
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    @Inject(HEALTH_ANSWERS) private readonly answers: HealthAnswers,
  ) {}

  @Get('healthz')
  @Header('Content-Type', 'text/plain; charset=utf-8')
  healthz(): string {
    return this.answers.alive;
  }

  @Get('readyz')
  @Header('Cache-Control', 'no-store')
  readyz(@Res({ passthrough: true }) reply: FastifyReply): ReadyAnswer {
    const checks = this.readiness.checks();
    const status = worstOf(checks);
    void reply.status(status === 'unavailable' ? HttpStatus.SERVICE_UNAVAILABLE : HttpStatus.OK);
    return {
      status,
      checks: Object.fromEntries(checks.map(({ name, state }) => [name, state])),
      ...(this.answers.withErrors && { errors: errorsOf(checks) }),
    };
  }
}

function worstOf(checks: readonly Check[]): ReadyAnswer['status'] {
  if (checks.some(({ status }) => status === 'down')) {
    return 'unavailable';
  }
  return checks.some(({ status }) => status === 'degraded') ? 'degraded' : 'ok';
}

function errorsOf(checks: readonly Check[]): Record<string, string> {
  return Object.fromEntries(
    checks.flatMap(({ name, error }) => (error === undefined ? [] : [[name, error]])),
  );
}
