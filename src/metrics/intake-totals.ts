import type { Registry } from 'prom-client';
import { type MetricSource, registerCollected } from './collected-metric.js';
import { INSTRUMENTS } from './instruments.js';
import {
  BOT_VERDICTS,
  DENIAL_REASONS,
  DROP_REASONS,
  REFUSAL_REASONS,
  REJECTION_REASONS,
} from '../event/reasons.js';
import { EVENT_ENDPOINTS, type EventEndpoint } from './pipeline-observer.js';
import { type Tally, zeros } from './tally.js';

interface EndpointTotals {
  readonly endpoint: EventEndpoint;
  received: number;
  accepted: number;
  readonly rejected: Tally;
  readonly refused: Tally;
}

/** What became of the events that clients sent. */
export class IntakeTotals implements MetricSource {
  readonly endpoints = Object.fromEntries(
    EVENT_ENDPOINTS.map((endpoint) => [endpoint, endpointTotals(endpoint)]),
  ) as Readonly<Record<EventEndpoint, EndpointTotals>>;
  readonly dropped: Tally = zeros(DROP_REASONS);
  readonly denied: Tally = zeros(DENIAL_REASONS);
  /** Accepted events by source; empty while no source has a key. */
  readonly sources: Tally = new Map();
  readonly bots: Tally = zeros(BOT_VERDICTS);
  /** By step; empty before the steps are named. */
  readonly enrichmentErrors: Tally = new Map();
  discarded = 0;
  spilled = 0;

  registerOn(registry: Registry): void {
    const each = (value: (of: EndpointTotals) => number) => () =>
      Object.values(this.endpoints).map((of) => [{ endpoint: of.endpoint }, value(of)] as const);
    const byReason = (tally: (of: EndpointTotals) => Tally) => () =>
      Object.values(this.endpoints).flatMap((of) =>
        Array.from(tally(of), ([reason, n]) => [{ endpoint: of.endpoint, reason }, n] as const),
      );

    registerCollected(
      registry,
      INSTRUMENTS.eventsReceived,
      each((of) => of.received),
    );
    registerCollected(
      registry,
      INSTRUMENTS.eventsAccepted,
      each((of) => of.accepted),
    );
    registerCollected(
      registry,
      INSTRUMENTS.eventsRejected,
      byReason((of) => of.rejected),
    );
    registerCollected(
      registry,
      INSTRUMENTS.eventsRefused,
      byReason((of) => of.refused),
    );
    registerCollected(registry, INSTRUMENTS.eventsDropped, () =>
      Array.from(this.dropped, ([reason, n]) => [{ reason }, n] as const),
    );
    registerCollected(registry, INSTRUMENTS.requestsDenied, () =>
      Array.from(this.denied, ([reason, n]) => [{ reason }, n] as const),
    );
    registerCollected(registry, INSTRUMENTS.sourceEventsAccepted, () =>
      Array.from(this.sources, ([source, n]) => [{ source }, n] as const),
    );
    registerCollected(registry, INSTRUMENTS.botEvents, () =>
      Array.from(this.bots, ([verdict, n]) => [{ verdict }, n] as const),
    );
    registerCollected(registry, INSTRUMENTS.enrichmentErrors, () =>
      Array.from(this.enrichmentErrors, ([step, n]) => [{ step }, n] as const),
    );
    registerCollected(registry, INSTRUMENTS.rejectedDiscarded, () => [[{}, this.discarded]]);
    registerCollected(registry, INSTRUMENTS.eventsSpilled, () => [[{}, this.spilled]]);
  }
}

function endpointTotals(endpoint: EventEndpoint): EndpointTotals {
  return {
    endpoint,
    received: 0,
    accepted: 0,
    rejected: zeros(REJECTION_REASONS),
    refused: zeros(REFUSAL_REASONS),
  };
}
