import { expect } from 'vitest';
import { EVENT_ENDPOINTS as ENDPOINTS } from '../../../src/metrics/pipeline-observer.js';
import { type Collector, sumOf } from '../servers/collector.js';
import type { Sample } from '../servers/parse-metrics.js';
const STATES = ['accepted', 'delivered', 'queued', 'dead_lettered', 'purged', 'corrupt'] as const;

/** Events by what became of them; `accepted` is the sum of the others. */
export type SinkBook = Readonly<Record<(typeof STATES)[number], number>>;

/** Of the process, by endpoint. */
export interface EndpointBook {
  readonly received: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly refused: number;
}

/** What a program says became of its events, at one moment. */
export interface Books {
  readonly sinks: ReadonlyMap<string, SinkBook>;
  readonly endpoints: ReadonlyMap<string, EndpointBook>;
  /** No endpoint is told for them. */
  readonly dropped: number;
}

/**
 * Reads the program's books from one scrape, and sees that they balance: for each sink accepted =
 * delivered + queued + dead-lettered + purged + corrupt, across restarts; for the endpoints received =
 * accepted + rejected + refused + dropped, since the process began.
 */
export async function balancedBooks(collector: Collector): Promise<Books> {
  const samples = await collector.metrics();
  const sinks = new Map(sinksIn(samples).map((sink) => [sink, sinkBook(samples, sink)]));
  for (const [sink, book] of sinks) {
    const settled = book.delivered + book.dead_lettered + book.purged + book.corrupt;
    expect(book.queued + settled, `the ledger of ${sink}: ${JSON.stringify(book)}`).toBe(
      book.accepted,
    );
    expect(sumOf(samples, 'gotrack_queue_depth', { sink })).toBe(book.queued);
  }

  const endpoints = new Map(
    ENDPOINTS.map((endpoint) => [endpoint as string, endpointBook(samples, endpoint)]),
  );
  const dropped = sumOf(samples, 'gotrack_events_dropped_total');
  let open = 0;
  for (const [endpoint, book] of endpoints) {
    const left = book.received - book.accepted - book.rejected - book.refused;
    expect(left, `${endpoint}: ${JSON.stringify(book)}`).toBeGreaterThanOrEqual(0);
    open += left;
  }
  expect(open, 'received, and neither accepted, rejected nor refused').toBe(dropped);
  return { sinks, endpoints, dropped };
}

function sinksIn(samples: readonly Sample[]): string[] {
  return [
    ...new Set(
      samples
        .filter(({ name }) => name === 'gotrack_ledger_events')
        .map(({ labels }) => labels['sink'] ?? ''),
    ),
  ];
}

function sinkBook(samples: readonly Sample[], sink: string): SinkBook {
  return Object.fromEntries(
    STATES.map((state) => [state, sumOf(samples, 'gotrack_ledger_events', { sink, state })]),
  ) as Record<(typeof STATES)[number], number>;
}

function endpointBook(samples: readonly Sample[], endpoint: string): EndpointBook {
  const total = (what: string): number =>
    sumOf(samples, `gotrack_events_${what}_total`, { endpoint });
  return {
    received: total('received'),
    accepted: total('accepted'),
    rejected: total('rejected'),
    refused: total('refused'),
  };
}
