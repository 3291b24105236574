import { Injectable } from '@nestjs/common';
import type { RequestFacts } from '../request-facts.js';
import { type Enriched, EnrichmentStep } from './enrichment-step.js';

/**
 * - `Sec-Purpose`: `prefetch`, or `prefetch;prerender` for a page that is built before anyone sees it (Fetch standard).
 * - `Purpose`: what Chrome sent before it, and Safari's `preview`.
 * - `X-Moz`: Firefox before 115.
 */
const HEADERS = ['sec-purpose', 'purpose', 'x-moz'] as const;

/** The one that says most comes first. */
const PURPOSES = ['prerender', 'preview', 'prefetch'] as const;

const FOUND = new Map(PURPOSES.map((purpose) => [purpose, { server: { purpose } }]));

/** Says that a browser fetched something before anyone had asked for it. */
@Injectable()
export class Purpose extends EnrichmentStep {
  override readonly name = 'purpose';

  override ofRequest({ headers }: RequestFacts, { isFromServer }: Enriched): Enriched | undefined {
    if (isFromServer) {
      return undefined;
    }
    for (const name of HEADERS) {
      const value = headers[name];
      if (value !== undefined) {
        return FOUND.get(purposeIn(String(value)) as (typeof PURPOSES)[number]);
      }
    }
    return undefined;
  }
}

function purposeIn(value: string): (typeof PURPOSES)[number] | undefined {
  const text = value.toLowerCase();
  return PURPOSES.find((purpose) => text.includes(purpose));
}
