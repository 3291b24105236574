import { Injectable } from '@nestjs/common';
import type { RequestFacts } from '../request-facts.js';
import { type Enriched, EnrichmentStep } from './enrichment-step.js';

/** Says whose key an event came with. */
@Injectable()
export class SourceName extends EnrichmentStep {
  override readonly name = 'source';
  override ofRequest({ source }: RequestFacts): Enriched | undefined {
    return source === undefined ? undefined : { server: { source } };
  }
}
