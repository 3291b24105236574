import { Logger } from '@nestjs/common';
import type { Registry } from 'prom-client';
import { BucketCounts } from './bucket-counts.js';
import {
  DEAD_LETTER_REASONS,
  type DeadLetterReason,
  DROP_REASONS,
  type DropReason,
  REFUSAL_REASONS,
  type RefusalReason,
  REJECTION_REASONS,
  type RejectionReason,
  SINK_ERROR_TYPES,
} from '../event/reasons.js';
import { INSTRUMENTS, LEDGER_STATES } from './instruments.js';
import {
  type EventEndpoint,
  type LaneStats,
  type Ledger,
  PipelineObserver,
  type QueueStats,
} from './pipeline-observer.js';
import { PROCESS_START_SECONDS } from './process-start.js';
import { type MetricSource, pull, pullHistogram, type Samples } from './pulled-metric.js';

/** Longer than a healthy disk takes, shorter than a scraper waits (10 s unless it is told otherwise). */
const FIGURES_TIMEOUT_MS = 5_000;

type Tally = Map<string, number>;

interface EndpointTotals {
  readonly endpoint: EventEndpoint;
  received: number;
  accepted: number;
  readonly rejected: Tally;
  readonly refused: Tally;
}

interface SinkTotals {
  readonly sink: string;
  ingested: number;
  duplicates: number;
  retries: number;
  replayed: number;
  readonly errors: Tally;
  readonly deadLettered: Tally;
  readonly flushes: BucketCounts;
  up: boolean | undefined;
  lastSuccessSeconds: number;
}

/** Counts the pipeline's facts in plain numbers, and shows them on a registry when there is one. */
export class PrometheusObserver extends PipelineObserver implements MetricSource {
  private readonly logger = new Logger('Metrics');
  private readonly endpoints: Readonly<Record<EventEndpoint, EndpointTotals>> = {
    '/px.gif': endpointTotals('/px.gif'),
    '/collect': endpointTotals('/collect'),
  };
  private readonly sinks = new Map<string, SinkTotals>();
  private readonly dropped: Tally = zeros(DROP_REASONS);
  private discarded = 0;
  private readonly commits = new BucketCounts(INSTRUMENTS.queueCommitDuration.buckets);
  private commitErrors = 0;
  private rejectedReplays = 0;
  private corruptRecords = 0;

  private askLanes: () => readonly LaneStats[];
  private askQueue: () => Promise<QueueStats>;
  private unanswered: Promise<QueueStats> | undefined;
  private queueAnswers = true;

  constructor({ sinks }: { readonly sinks: readonly string[] }) {
    super();
    for (const sink of sinks) {
      this.sinks.set(sink, sinkTotals(sink));
    }
    this.askQueue = () => Promise.resolve(UNOPENED);
    this.askLanes = () => sinks.map(unopenedLane);
  }

  eventsReceived(endpoint: EventEndpoint, count: number): void {
    this.endpoints[endpoint].received += count;
  }

  eventsAccepted(endpoint: EventEndpoint, count: number): void {
    this.endpoints[endpoint].accepted += count;
  }

  eventsRejected(endpoint: EventEndpoint, reason: RejectionReason, count: number): void {
    add(this.endpoints[endpoint].rejected, reason, count);
  }

  eventsRefused(endpoint: EventEndpoint, reason: RefusalReason, count: number): void {
    add(this.endpoints[endpoint].refused, reason, count);
  }

  eventsDropped(reason: DropReason, count: number): void {
    add(this.dropped, reason, count);
  }

  rejectedDiscarded(count: number): void {
    this.discarded += count;
  }

  queueOpened(figures: () => Promise<QueueStats>): void {
    this.askQueue = figures;
  }

  lanesOpened(stats: () => readonly LaneStats[]): void {
    this.askLanes = stats;
  }

  commitSucceeded(seconds: number): void {
    this.commits.observe(seconds);
  }

  commitFailed(): void {
    this.commitErrors += 1;
  }

  corruptRecordsFound(count: number): void {
    this.corruptRecords += count;
  }

  batchWritten(sink: string, events: number, duplicates: number, seconds: number): void {
    const totals = this.totalsOf(sink);
    totals.duplicates += duplicates;
    totals.flushes.observe(seconds);
    this.eventsWritten(sink, events);
  }

  eventsWritten(sink: string, events: number): void {
    const totals = this.totalsOf(sink);
    totals.ingested += events;
    totals.lastSuccessSeconds = Date.now() / 1000;
  }

  batchFailed(sink: string, errorType: string, seconds: number): void {
    const totals = this.totalsOf(sink);
    add(totals.errors, totals.errors.has(errorType) ? errorType : 'other', 1);
    totals.flushes.observe(seconds);
  }

  batchRetried(sink: string): void {
    this.totalsOf(sink).retries += 1;
  }

  eventsDeadLettered(sink: string, reason: DeadLetterReason, count: number): void {
    add(this.totalsOf(sink).deadLettered, reason, count);
  }

  eventsReplayed(sink: string, count: number): void {
    this.totalsOf(sink).replayed += count;
  }

  rejectedReplayed(count: number): void {
    this.rejectedReplays += count;
  }

  sinkWentUp(sink: string): void {
    this.totalsOf(sink).up = true;
  }

  sinkWentDown(sink: string): void {
    this.totalsOf(sink).up = false;
  }

  registerOn(registry: Registry): void {
    this.registerEvents(registry);
    this.registerSinks(registry);
    this.registerQueue(registry);
  }

  private registerEvents(registry: Registry): void {
    const each = (value: (of: EndpointTotals) => number) => () =>
      Object.values(this.endpoints).map((of) => [{ endpoint: of.endpoint }, value(of)] as const);
    const byReason = (tally: (of: EndpointTotals) => Tally) => () =>
      Object.values(this.endpoints).flatMap((of) =>
        Array.from(tally(of), ([reason, n]) => [{ endpoint: of.endpoint, reason }, n] as const),
      );

    pull(
      registry,
      INSTRUMENTS.eventsReceived,
      each((of) => of.received),
    );
    pull(
      registry,
      INSTRUMENTS.eventsAccepted,
      each((of) => of.accepted),
    );
    pull(
      registry,
      INSTRUMENTS.eventsRejected,
      byReason((of) => of.rejected),
    );
    pull(
      registry,
      INSTRUMENTS.eventsRefused,
      byReason((of) => of.refused),
    );
    pull(registry, INSTRUMENTS.eventsDropped, () =>
      Array.from(this.dropped, ([reason, n]) => [{ reason }, n] as const),
    );
    pull(registry, INSTRUMENTS.rejectedDiscarded, () => [[{}, this.discarded]]);
  }

  private registerSinks(registry: Registry): void {
    const each =
      <Value>(value: (of: SinkTotals) => Value) =>
      (): Samples<'sink', Value> =>
        Array.from(this.sinks.values(), (of) => [{ sink: of.sink }, value(of)] as const);

    pull(
      registry,
      INSTRUMENTS.eventsIngested,
      each((of) => of.ingested),
    );
    pull(
      registry,
      INSTRUMENTS.eventsDuplicate,
      each((of) => of.duplicates),
    );
    pull(registry, INSTRUMENTS.eventsReplayed, () => [
      ...each((of) => of.replayed)(),
      [{ sink: 'rejected' }, this.rejectedReplays],
    ]);
    pull(
      registry,
      INSTRUMENTS.sinkRetries,
      each((of) => of.retries),
    );
    pull(
      registry,
      INSTRUMENTS.sinkLastSuccess,
      each((of) => of.lastSuccessSeconds),
    );
    pullHistogram(
      registry,
      INSTRUMENTS.batchFlushLatency,
      each((of) => of.flushes),
    );
    pull(registry, INSTRUMENTS.sinkErrors, () =>
      Array.from(this.sinks.values()).flatMap(({ sink, errors }) =>
        Array.from(errors, ([type, n]) => [{ sink, error_type: type }, n] as const),
      ),
    );
    pull(registry, INSTRUMENTS.eventsDeadLettered, () =>
      Array.from(this.sinks.values()).flatMap(({ sink, deadLettered }) =>
        Array.from(deadLettered, ([reason, n]) => [{ sink, reason }, n] as const),
      ),
    );
    pull(registry, INSTRUMENTS.sinkUp, () =>
      Array.from(this.sinks.values()).flatMap(({ sink, up }) =>
        up === undefined ? [] : [[{ sink }, Number(up)] as const],
      ),
    );
  }

  private registerQueue(registry: Registry): void {
    const once = (value: (figures: QueueStats) => number) => async () => {
      const figures = await this.queueFigures();
      return figures ? [[{}, value(figures)] as const] : [];
    };
    const each = (value: (lane: LaneStats) => number) => () =>
      this.askLanes().map((lane) => [{ sink: lane.sink }, value(lane)] as const);

    pull(
      registry,
      INSTRUMENTS.queueDepth,
      each((lane) => lane.ledger.queued),
    );
    pull(
      registry,
      INSTRUMENTS.queueOldestEventAge,
      each((lane) => lane.oldestEventAgeSeconds),
    );
    pull(
      registry,
      INSTRUMENTS.queueBytes,
      once((figures) => figures.bytes),
    );
    pull(
      registry,
      INSTRUMENTS.queueCapacity,
      once((figures) => figures.capacityBytes),
    );
    pull(
      registry,
      INSTRUMENTS.queueFilesystemAvailable,
      once((figures) => figures.filesystemAvailableBytes),
    );
    pull(registry, INSTRUMENTS.ledgerEvents, () =>
      this.askLanes().flatMap(({ sink, ledger }) =>
        LEDGER_STATES.map((state) => [{ sink, state }, inState(ledger, state)] as const),
      ),
    );
    pullHistogram(registry, INSTRUMENTS.queueCommitDuration, () => [[{}, this.commits]]);
    pull(registry, INSTRUMENTS.queueCommitErrors, () => [[{}, this.commitErrors]]);
    pull(registry, INSTRUMENTS.queueCorruptRecords, () => [[{}, this.corruptRecords]]);
  }

  /** The sinks are known from the start; one that is not gets its series when it is first told of. */
  private totalsOf(sink: string): SinkTotals {
    let totals = this.sinks.get(sink);
    if (!totals) {
      totals = sinkTotals(sink);
      this.sinks.set(sink, totals);
    }
    return totals;
  }

  /** `undefined` without an answer: its series are then absent. */
  private async queueFigures(): Promise<QueueStats | undefined> {
    const timeout = Promise.withResolvers<undefined>();
    const timer = setTimeout(timeout.resolve, FIGURES_TIMEOUT_MS, undefined).unref();
    try {
      // One question for all metrics of a scrape; and on a hung disk each further one would hang a thread.
      this.unanswered ??= this.askQueue().finally(() => {
        this.unanswered = undefined;
      });
      const figures = await Promise.race([this.unanswered, timeout.promise]);
      if (!figures) {
        throw new Error(`no answer within ${FIGURES_TIMEOUT_MS} ms`);
      }
      this.queueAnswers = true;
      return figures;
    } catch (error) {
      if (this.queueAnswers) {
        this.queueAnswers = false;
        this.logger.warn(
          `the queue does not tell its size and depth; their series are left out until it does: ${String(error)}`,
        );
      }
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}

function zeros(keys: readonly string[]): Tally {
  return new Map(keys.map((key) => [key, 0]));
}

function add(tally: Tally, key: string, count: number): void {
  tally.set(key, (tally.get(key) ?? 0) + count);
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

/** What is shown until the queue is open. */
const UNOPENED: QueueStats = { bytes: 0, capacityBytes: 0, filesystemAvailableBytes: 0 };

function unopenedLane(sink: string): LaneStats {
  const ledger = { accepted: 0, delivered: 0, queued: 0, deadLettered: 0, purged: 0, corrupt: 0 };
  return { sink, ledger, oldestEventAgeSeconds: 0 };
}

function inState(ledger: Ledger, state: (typeof LEDGER_STATES)[number]): number {
  return state === 'dead_lettered' ? ledger.deadLettered : ledger[state];
}
