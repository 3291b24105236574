import type { Type } from '@nestjs/common';
import { AddressAnonymizer } from './address-anonymizer.js';
import { ClientPlace } from './client-place.js';
import type { EnrichmentStep } from './enrichment-step.js';
import { PrivacySignals } from './privacy-signals.js';
import { SourceName } from './source-name.js';
import { VisitorHash } from './visitor-hash.js';

/** In the order in which they run: each sees what those before it have found. */
export const ENRICHMENT_STEPS: readonly Type<EnrichmentStep>[] = [
  PrivacySignals,
  AddressAnonymizer,
  VisitorHash,
  ClientPlace,
  SourceName,
];
