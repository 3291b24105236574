import { Injectable } from '@nestjs/common';
import { InjectOptions } from '../../config/inject-options.js';
import type { RequestFacts } from '../request-facts.js';
import { AdmissionOptions } from './admission.options.js';
import { AdmissionStep } from './admission-step.js';
import { rateLimited } from './rate-limited.js';
import { TokenBuckets } from './token-buckets.js';

/** Bounds how many requests come with the keys of one source. */
@Injectable()
export class SourceRate extends AdmissionStep {
  override readonly reason = 'rate_limit';
  override readonly usesKey = true;
  private readonly buckets = new TokenBuckets();
  private readonly limits: ReadonlyMap<string, number> | undefined;

  constructor(@InjectOptions(AdmissionOptions) { sourceRateLimits }: AdmissionOptions) {
    super();
    this.limits = sourceRateLimits;
  }

  override check({ source }: RequestFacts): void {
    const requestsASecond = source === undefined ? undefined : this.limits?.get(source);
    if (source === undefined || requestsASecond === undefined) {
      return;
    }
    const waitMs = this.buckets.take(source, requestsASecond);
    if (waitMs > 0) {
      throw rateLimited(waitMs);
    }
  }
}
