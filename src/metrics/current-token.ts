import { Logger } from '@nestjs/common';
import { currentValue } from '../config/current-value.js';
import { InvalidValueError } from '../config/setting.js';
import { type MetricsOptions, TOKEN_FORM, TOKEN_RULE } from './metrics.options.js';

/** The file is read again when a request asks after this time, and by no other. */
const FRESH_MS = 1_000;

/** The token of METRICS_BEARER_TOKEN; one that came from a file follows the file. */
export class CurrentToken {
  private readonly logger = new Logger('Metrics');
  private token: string | undefined;
  /** On the monotonic clock, in ms. */
  private readAt = performance.now();
  private readFailed = false;

  constructor(private readonly options: MetricsOptions) {
    this.token = options.bearerToken;
  }

  /** Undefined when none is asked for. */
  get value(): string | undefined {
    if (this.token !== undefined && performance.now() - this.readAt >= FRESH_MS) {
      this.readAt = performance.now();
      this.readAgain(this.token);
    }
    return this.token;
  }

  private readAgain(before: string): void {
    try {
      this.token = checked(currentValue(this.options, 'bearerToken'));
    } catch (error) {
      if (!this.readFailed) {
        this.logger.warn(`the token before stays in use: ${(error as Error).message}`);
      }
      this.readFailed = true;
      return;
    }
    if (this.readFailed) {
      this.logger.log('METRICS_BEARER_TOKEN_FILE can be read again');
    }
    this.readFailed = false;
    if (this.token !== before) {
      this.logger.log(
        'the token in METRICS_BEARER_TOKEN_FILE has changed, and the new one is in use',
      );
    }
  }
}

/** @throws InvalidValueError */
function checked(token: string | undefined): string {
  if (token === undefined || !TOKEN_FORM.test(token)) {
    throw new InvalidValueError(`METRICS_BEARER_TOKEN_FILE holds a token that ${TOKEN_RULE}`);
  }
  return token;
}
