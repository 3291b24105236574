import { Injectable } from '@nestjs/common';
import { InjectOptions } from '../../config/inject-options.js';
import { clientOfAddress } from '../enrichment/address-anonymizer.js';
import type { RequestFacts } from '../request-facts.js';
import { AdmissionOptions } from './admission.options.js';
import { AdmissionStep } from './admission-step.js';
import { rateLimited } from './rate-limited.js';
import { TokenBuckets } from './token-buckets.js';

/** Bounds how many requests one client sends. Before the keys: who guesses them is a client, too. */
@Injectable()
export class ClientRate extends AdmissionStep {
  override readonly reason = 'rate_limit';
  private readonly buckets = new TokenBuckets();
  private readonly requestsASecond: number;

  constructor(@InjectOptions(AdmissionOptions) { rateLimitRps }: AdmissionOptions) {
    super();
    this.requestsASecond = rateLimitRps;
  }

  override check({ address }: RequestFacts): void {
    if (this.requestsASecond === 0 || address === undefined) {
      return;
    }
    const waitMs = this.buckets.take(clientOfAddress(address), this.requestsASecond);
    if (waitMs > 0) {
      throw rateLimited(waitMs);
    }
  }
}
