import type { Registry } from 'prom-client';
import { type RequestTotals, RequestTracker } from '../http/request-tracker.js';
import type { KnownRoute } from '../http/routes.js';
import { BucketCounts } from './bucket-counts.js';
import {
  type MetricSource,
  registerCollected,
  registerCollectedHistogram,
} from './collected-metric.js';
import { INSTRUMENTS } from './instruments.js';

/** Shows the requests of a server on a registry. */
export class HttpMetrics implements MetricSource {
  /** Counts the requests of the server that it is given to. */
  readonly tracker: RequestTracker<BucketCounts>;

  constructor(routes: readonly KnownRoute[]) {
    const { buckets } = INSTRUMENTS.httpDuration;
    this.tracker = new RequestTracker(routes, () => new BucketCounts(buckets));
  }

  registerOn(registry: Registry): void {
    registerCollected(registry, INSTRUMENTS.httpRequests, () =>
      Array.from(this.tracker.totals()).flatMap(requestSamples),
    );
    registerCollectedHistogram(registry, INSTRUMENTS.httpDuration, () =>
      Array.from(
        this.tracker.totals(),
        ({ endpoint, method, durations }) => [{ endpoint, method }, durations] as const,
      ),
    );
  }
}

function requestSamples({ endpoint, method, statuses }: RequestTotals<BucketCounts>) {
  return Array.from(
    statuses,
    ([status, requests]) => [{ endpoint, method, status: String(status) }, requests] as const,
  );
}
