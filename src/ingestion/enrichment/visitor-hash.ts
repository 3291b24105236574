import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectOptions } from '../../config/inject-options.js';
import { IngestionOptions } from '../ingestion.options.js';
import type { RequestFacts } from '../request-facts.js';
import { clientOfAddress } from './address-anonymizer.js';
import { DailySalt } from './daily-salt.js';
import { type Enriched, EnrichmentStep } from './enrichment-step.js';
import { dayKeys } from './utc-day.js';

/** Tells the visitors of a day apart without a cookie: an HMAC of what each request says of them, under the key of the day. */
@Injectable()
export class VisitorHash extends EnrichmentStep {
  override readonly name = 'visitor_hash';
  override readonly isOn: boolean;
  private readonly keyOfDay: ((receivedAtMs: number) => Buffer) | undefined;

  constructor(
    @InjectOptions(IngestionOptions) { visitorHash, hashSecret }: IngestionOptions,
    salt: DailySalt,
  ) {
    super();
    this.isOn = visitorHash !== false;
    if (visitorHash === 'shared') {
      // The same on each instance that has the secret.
      this.keyOfDay = dayKeys(hashSecret ?? '', 'visitor-hash');
    } else if (visitorHash) {
      this.keyOfDay = () => salt.current;
    }
  }

  override ofRequest(
    { address, headers, source = '', receivedAtMs }: RequestFacts,
    before: Enriched,
  ): Enriched | undefined {
    if (!this.keyOfDay || address === undefined || before.anonymous) {
      return undefined;
    }
    // None of the three can hold a line feed.
    const visitor = [clientOfAddress(address), headers['user-agent'] ?? '', source].join('\n');
    const hash = createHmac('sha256', this.keyOfDay(receivedAtMs)).update(visitor).digest('hex');
    return { server: { visitor_hash: hash } };
  }
}
