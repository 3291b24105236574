import { Logger } from '@nestjs/common';
import { followValue } from '../config/follow-value.js';
import type { MetricsOptions } from './metrics.options.js';

/** The token of METRICS_BEARER_TOKEN; one that came from a file follows the file. */
export class CurrentToken {
  private readonly logger = new Logger('Metrics');
  private token: string | undefined;

  constructor(options: MetricsOptions) {
    this.token = options.bearerToken;
    followValue(options, 'bearerToken', {
      changed: (token) => this.change(token),
      failed: (reason) => this.keep(reason),
    });
  }

  /** Undefined when none is asked for. */
  get value(): string | undefined {
    return this.token;
  }

  private change(token: string | undefined): void {
    this.token = token ?? this.token;
    this.logger.log(
      'the token in METRICS_BEARER_TOKEN_FILE has changed, and the new one is in use',
    );
  }

  private keep(reason: string): void {
    this.logger.warn(`${reason}; the token before stays in use`);
  }
}
