import { Controller, Get, Header, HttpStatus, Inject, Res, UseInterceptors } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import type { HealthIndicatorResult } from '@nestjs/terminus';
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
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    @Inject(HEALTH_ANSWERS) private readonly answers: HealthAnswers,
  ) {}

  @Get('healthz')
  @Header('Content-Type', 'text/plain; charset=utf-8')
  healthz(): string {
    return this.answers.alive;
  }

  @Get('readyz')
  @Header('Cache-Control', 'no-store')
  async readyz(@Res({ passthrough: true }) reply: FastifyReply): Promise<ReadyAnswer> {
    const checks = this.readiness.checks();
    const status = await this.overall(checks);
    reply.status(status === 'unavailable' ? HttpStatus.SERVICE_UNAVAILABLE : HttpStatus.OK);
    return {
      status,
      checks: Object.fromEntries(checks.map(({ name, state }) => [name, state])),
      ...(this.answers.withErrors && { errors: errorsOf(checks) }),
    };
  }

  private async overall(checks: readonly Check[]): Promise<ReadyAnswer['status']> {
    try {
      const { status } = await this.health.check(checks.map((check) => () => this.indicate(check)));
      return status === 'degraded' ? 'degraded' : 'ok';
    } catch {
      return 'unavailable';
    }
  }

  private indicate({ name, status }: Check): HealthIndicatorResult {
    const indicator = this.indicators.check(name);
    if (status === 'up') {
      return indicator.up();
    }
    return status === 'degraded' ? indicator.degraded() : indicator.down();
  }
}

function errorsOf(checks: readonly Check[]): Record<string, string> {
  return Object.fromEntries(
    checks.flatMap(({ name, error }) => (error === undefined ? [] : [[name, error]])),
  );
}
