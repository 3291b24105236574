import { Injectable } from '@nestjs/common';
import type { RequestFacts } from '../request-facts.js';
import { type Enriched, EnrichmentStep } from './enrichment-step.js';
import { joinedPlace } from './places/place.js';
import { placeInHeaders } from './places/place-in-headers.js';
import { Places } from './places/places.js';

/** Where the client is: as the network in front of us says, else as the databases have its address. */
@Injectable()
export class ClientPlace extends EnrichmentStep {
  override readonly name = 'geo';
  override readonly isOn: boolean;

  constructor(private readonly places: Places) {
    super();
    this.isOn = places.isOn;
  }

  override ofRequest(facts: RequestFacts, before: Enriched): Enriched | undefined {
    if (!this.isOn) {
      return undefined;
    }
    const { address, headers } = facts;
    const place = joinedPlace(
      facts.viaTrustedProxy ? placeInHeaders(headers) : undefined,
      address === undefined ? undefined : this.places.find(address),
    );
    if (place === undefined || !before.anonymous) {
      return place && { server: { geo: place } };
    }
    const { country } = place;
    return country === undefined ? undefined : { server: { geo: { country } } };
  }
}
