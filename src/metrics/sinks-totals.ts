import type { Registry } from 'prom-client';
import { BucketCounts } from './bucket-counts.js';
import {
  type MetricSource,
  registerCollected,
  registerCollectedHistogram,
  type Samples,
} from './collected-metric.js';
import { INSTRUMENTS } from './instruments.js';
import { DEAD_LETTER_REASONS, SINK_ERROR_TYPES } from '../event/reasons.js';
import { PROCESS_START_SECONDS } from './process-start.js';
import { type Tally, zeros } from './tally.js';

interface SinkTotals {
  readonly sink: string;
  ingested: number;
  duplicates: number;
  retries: number;
  replayed: number;
  readonly errors: Tally;
  readonly deadLettered: Tally;
  readonly flushes: BucketCounts;
  /** Undefined until the sink is known to work or not. */
  up: boolean | undefined;
  lastSuccessSeconds: number;
}

/** What each sink did with its batches. */
export class SinksTotals implements MetricSource {
  /** Rejected events that were queued for every sink. */
  rejectedReplays = 0;
  private readonly sinks = new Map<string, SinkTotals>();

  constructor(sinks: readonly string[]) {
    sinks.forEach((sink) => this.of(sink));
  }

  /** The sinks are known from the start; another one gets its series with its first fact. */
  of(sink: string): SinkTotals {
    let totals = this.sinks.get(sink);
    if (!totals) {
      totals = sinkTotals(sink);
      this.sinks.set(sink, totals);
    }
    return totals;
  }

  registerOn(registry: Registry): void {
    const each =
      <Value>(value: (of: SinkTotals) => Value) =>
      (): Samples<'sink', Value> =>
        Array.from(this.sinks.values(), (of) => [{ sink: of.sink }, value(of)] as const);

    registerCollected(
      registry,
      INSTRUMENTS.eventsIngested,
      each((of) => of.ingested),
    );
    registerCollected(
      registry,
      INSTRUMENTS.eventsDuplicate,
      each((of) => of.duplicates),
    );
    registerCollected(registry, INSTRUMENTS.eventsReplayed, () => [
      ...each((of) => of.replayed)(),
      [{ sink: 'rejected' }, this.rejectedReplays],
    ]);
    registerCollected(
      registry,
      INSTRUMENTS.sinkRetries,
      each((of) => of.retries),
    );
    registerCollected(
      registry,
      INSTRUMENTS.sinkLastSuccess,
      each((of) => of.lastSuccessSeconds),
    );
    registerCollectedHistogram(
      registry,
      INSTRUMENTS.batchFlushLatency,
      each((of) => of.flushes),
    );
    registerCollected(registry, INSTRUMENTS.sinkErrors, () =>
      Array.from(this.sinks.values()).flatMap(({ sink, errors }) =>
        Array.from(errors, ([type, n]) => [{ sink, error_type: type }, n] as const),
      ),
    );
    registerCollected(registry, INSTRUMENTS.eventsDeadLettered, () =>
      Array.from(this.sinks.values()).flatMap(({ sink, deadLettered }) =>
        Array.from(deadLettered, ([reason, n]) => [{ sink, reason }, n] as const),
      ),
    );
    registerCollected(registry, INSTRUMENTS.sinkUp, () =>
      Array.from(this.sinks.values()).flatMap(({ sink, up }) =>
        up === undefined ? [] : [[{ sink }, Number(up)] as const],
      ),
    );
  }
}

function sinkTotals(sink: string): SinkTotals {
  return {
    sink,
    ingested: 0,
    duplicates: 0,
    retries: 0,
    replayed: 0,
    errors: zeros(SINK_ERROR_TYPES),
    deadLettered: zeros(DEAD_LETTER_REASONS),
    flushes: new BucketCounts(INSTRUMENTS.batchFlushLatency.buckets),
    up: undefined,
    lastSuccessSeconds: PROCESS_START_SECONDS,
  };
}
