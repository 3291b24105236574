import type { Ledger, QueueStats } from '../pipeline-observer.js';

/** One of the checks of `/readyz`. */
export interface CheckState {
  /** `process`, `queue` or `sink:<name>`. */
  readonly name: string;
  readonly state: string;
  readonly status: 'up' | 'degraded' | 'down';
  readonly error?: string | undefined;
}

export interface CheckStatus extends CheckState {
  /** How long it has been in this state, as far as the process has seen. */
  readonly seconds: number;
}

export interface SinkStatus {
  readonly sink: string;
  readonly ledger: Ledger;
  readonly oldestEventAgeSeconds: number;
}

export interface EndpointStatus {
  readonly endpoint: string;
  /** Accepted events a second, over the last minute. */
  readonly acceptedPerSecond: number;
  /** Since the process started, as the next ones. */
  readonly received: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly refused: number;
}

export interface Refusal {
  readonly endpoint: string;
  readonly kind: 'invalid' | 'not taken' | 'dropped';
  readonly reason: string;
  readonly events: number;
}

/** Requests with events that were answered 5xx: some are refused before anyone knows how many events they hold. */
export interface TurnedAway {
  readonly lastMinute: number;
  /** Since the process started. */
  readonly total: number;
  /** Since the latest one, as far as the process has seen; undefined without one. */
  readonly secondsAgo: number | undefined;
}

export interface CertificateStatus {
  readonly server: string;
  readonly notAfter: Date;
  readonly lastReloadSuccessful: boolean;
}

/** What the status page says, at one moment. No part of any event is in it. */
export interface StatusReport {
  readonly version: string;
  readonly revision: string;
  readonly now: Date;
  readonly uptimeSeconds: number;
  readonly checks: readonly CheckStatus[];
  /** Undefined when the queue does not answer. */
  readonly queue: QueueStats | undefined;
  readonly sinks: readonly SinkStatus[];
  readonly endpoints: readonly EndpointStatus[];
  /** Those with events only. */
  readonly refusals: readonly Refusal[];
  readonly turnedAway: TurnedAway;
  /** Damaged events that were found since the process started. */
  readonly damaged: number;
  readonly certificates: readonly CertificateStatus[];
}
