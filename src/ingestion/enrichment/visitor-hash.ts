import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectOptions } from '../../config/inject-options.js';
import { BoundedTable } from '../bounded-table.js';
import { IngestionOptions } from '../ingestion.options.js';
import type { RequestFacts } from '../request-facts.js';
import { clientOfAddress } from './address-anonymizer.js';
import { DailySalt } from './daily-salt.js';
import { type Enriched, EnrichmentStep } from './enrichment-step.js';
import { dayKeys } from './utc-day.js';

/** A hash takes 3 µs. With what it is made of, at most about 1 KB each. */
const MAX_CACHED = 4000;
/** Characters; hardly any visitor has more, and many with a long User-Agent must not fill the memory. */
const MAX_CACHED_LENGTH = 512;

/** Tells the visitors of a day apart without a cookie: an HMAC of what each request says of them, under the key of the day. */
@Injectable()
export class VisitorHash extends EnrichmentStep {
  override readonly name = 'visitor_hash';
  override readonly isOn: boolean;
  private readonly keyOfDay: ((receivedAtMs: number) => Buffer) | undefined;
  private readonly cache = new BoundedTable<Enriched>(MAX_CACHED);
  private key: Buffer | undefined;

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
      // What is remembered would say which visitor had a hash of the day before.
      salt.onDestroyed(() => this.cache.clear());
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
    return this.of(visitor, this.keyOfDay(receivedAtMs));
  }

  private of(visitor: string, key: Buffer): Enriched {
    if (key !== this.key) {
      this.key = key;
      this.cache.clear();
    }
    let found = this.cache.get(visitor);
    if (found === undefined) {
      const hash = createHmac('sha256', key).update(visitor).digest('hex');
      found = { server: { visitor_hash: hash } };
      if (visitor.length <= MAX_CACHED_LENGTH) {
        this.cache.set(visitor, found);
      }
    }
    return found;
  }
}
