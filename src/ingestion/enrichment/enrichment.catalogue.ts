import type { Type } from '@nestjs/common';
import { AddressAnonymizer } from './address-anonymizer.js';
import { ClientPlace } from './client-place.js';
import { Bots } from './bots.js';
import { Channel } from './channel.js';
import type { EnrichmentStep } from './enrichment-step.js';
import { PrivacySignals } from './privacy-signals.js';
import { Purpose } from './purpose.js';
import { SourceName } from './source-name.js';
import { VisitorHash } from './visitor-hash.js';
import { UserAgent } from './user-agent.js';

/** In the order in which they run: each sees what those before it have found. */
export const ENRICHMENT_STEPS: readonly Type<EnrichmentStep>[] = [
  PrivacySignals,
  AddressAnonymizer,
  VisitorHash,
  ClientPlace,
  SourceName,
  UserAgent,
  Bots,
  Purpose,
  Channel,
];
