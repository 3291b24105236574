import { Injectable } from '@nestjs/common';
import { InjectOptions } from '../../config/inject-options.js';
import type { Fields } from '../../event/fields.js';
import type { ServerFields } from '../../event/prepare-event.js';
import { BoundedTable } from '../bounded-table.js';
import type { RequestFacts } from '../request-facts.js';
import { type ClientHeaders, clientOfHeaders } from './client-of-headers.js';
import { headerOf } from './client-hints.js';
import { compilePatterns, UNKNOWN_USER_AGENT } from './compile-patterns.js';
import { EnrichmentOptions } from './enrichment.options.js';
import { type Enriched, EnrichmentStep } from './enrichment-step.js';
import { userAgentOfEvent } from './user-agent-of-event.js';

/** Reading a User-Agent takes 30 to 60 µs, a look into the table 0.3. At most about 4 KB each. */
const MAX_CACHED = 2000;
const NO_HINTS = {
  brands: '',
  fullVersions: '',
  platform: '',
  platformVersion: '',
  mobile: '',
  formFactors: '',
};
const NOTHING: Enriched = {};

/** Says which browser, system and class of device an event comes from. */
@Injectable()
export class UserAgent extends EnrichmentStep {
  override readonly name = 'user_agent';
  override readonly isOn: boolean;
  private readonly cache = new BoundedTable<Enriched>(MAX_CACHED);

  constructor(@InjectOptions(EnrichmentOptions) { enrichUserAgent }: EnrichmentOptions) {
    super();
    this.isOn = enrichUserAgent;
    if (this.isOn) {
      compilePatterns(() => clientOfHeaders({ userAgent: UNKNOWN_USER_AGENT, ...NO_HINTS }));
    }
  }

  override ofRequest({ headers }: RequestFacts, { isFromServer }: Enriched): Enriched | undefined {
    if (!this.isOn || isFromServer) {
      return undefined;
    }
    const userAgent = headerOf(headers, 'user-agent');
    const brands = headerOf(headers, 'sec-ch-ua');
    return brands === ''
      ? this.of({ userAgent, ...NO_HINTS })
      : this.of({
          userAgent,
          brands,
          fullVersions: headerOf(headers, 'sec-ch-ua-full-version-list'),
          platform: headerOf(headers, 'sec-ch-ua-platform'),
          platformVersion: headerOf(headers, 'sec-ch-ua-platform-version'),
          mobile: headerOf(headers, 'sec-ch-ua-mobile'),
          formFactors: headerOf(headers, 'sec-ch-ua-form-factors'),
        });
  }

  override ofEvent(event: Readonly<Fields>, request: Enriched): ServerFields | undefined {
    if (!this.isOn || !request.isFromServer || request.server?.['client'] !== undefined) {
      return undefined;
    }
    const userAgent = userAgentOfEvent(event);
    return userAgent === undefined ? undefined : this.of({ userAgent, ...NO_HINTS })?.server;
  }

  private of(headers: ClientHeaders): Enriched | undefined {
    const key = keyOf(headers);
    let found = this.cache.get(key);
    if (found === undefined) {
      const client = clientOfHeaders(headers);
      found = client === undefined ? NOTHING : { server: { client } };
      this.cache.set(key, found);
    }
    return found === NOTHING ? undefined : found;
  }
}

/** A header holds no newline. */
function keyOf(headers: ClientHeaders): string {
  return headers.brands === ''
    ? headers.userAgent
    : `${headers.userAgent}\n${headers.brands}\n${headers.fullVersions}\n${headers.platform}\n${headers.platformVersion}\n${headers.mobile}\n${headers.formFactors}`;
}
