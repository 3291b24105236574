import { Injectable } from '@nestjs/common';
import { InjectOptions } from '../../config/inject-options.js';
import { IngestionOptions, type PrivacyMode } from '../ingestion.options.js';
import type { RequestFacts } from '../request-facts.js';
import { type Enriched, EnrichmentStep } from './enrichment-step.js';

const EFFECTS: Readonly<Record<PrivacyMode, Enriched | undefined>> = {
  anonymize: { anonymous: true },
  drop: { anonymous: true, drop: 'privacy_signal' },
  ignore: undefined,
};

/** Heeds DNT (Do Not Track) and Global Privacy Control as the operator says. */
@Injectable()
export class PrivacySignals extends EnrichmentStep {
  override readonly name = 'privacy_signals';
  override readonly isOn: boolean;
  private readonly effect: Enriched | undefined;

  constructor(@InjectOptions(IngestionOptions) { privacySignals }: IngestionOptions) {
    super();
    this.effect = EFFECTS[privacySignals];
    this.isOn = this.effect !== undefined;
  }

  override ofRequest({ headers }: RequestFacts): Enriched | undefined {
    return isSet(headers['dnt']) || isSet(headers['sec-gpc']) ? this.effect : undefined;
  }
}

/** Node joins a header that was sent twice: a client that says it once means it. */
function isSet(signal: string | string[] | undefined): boolean {
  return signal !== undefined && String(signal).split(/, ?/).includes('1');
}
