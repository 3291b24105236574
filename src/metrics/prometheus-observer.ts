import type { Registry } from 'prom-client';
import type { MetricSource } from './collected-metric.js';
import { FleetTotals } from './fleet-totals.js';
import { IntakeTotals } from './intake-totals.js';
import {
  type BotVerdict,
  type DeadLetterReason,
  type DenialReason,
  type DropReason,
  type RefusalReason,
  type RejectionReason,
} from '../event/reasons.js';
import {
  type EventEndpoint,
  type FleetQuestions,
  type EventSchemaStats,
  type LaneStats,
  PipelineObserver,
  type PlaceStats,
  type QueueStats,
} from './pipeline-observer.js';
import { EventSchemaTotals } from './event-schema-totals.js';
import { PlaceTotals } from './place-totals.js';
import { QueueTotals } from './queue-totals.js';
import { SinksTotals } from './sinks-totals.js';
import { add } from './tally.js';

/** The label of events that came without a key; no source may have this name. */
const NO_SOURCE = 'none';

/** Counts the pipeline's facts in plain numbers, and shows them on a registry when there is one. */
export class PrometheusObserver extends PipelineObserver implements MetricSource {
  readonly intake = new IntakeTotals();
  readonly queue: QueueTotals;
  private readonly places = new PlaceTotals();
  private readonly fleet = new FleetTotals();
  private readonly eventSchemas = new EventSchemaTotals();
  private readonly sinks: SinksTotals;

  constructor({ sinks }: { readonly sinks: readonly string[] }) {
    super();
    this.sinks = new SinksTotals(sinks);
    this.queue = new QueueTotals(sinks);
  }

  eventsReceived(endpoint: EventEndpoint, count: number): void {
    this.intake.endpoints[endpoint].received += count;
  }

  eventsAccepted(endpoint: EventEndpoint, count: number, source = NO_SOURCE): void {
    this.intake.endpoints[endpoint].accepted += count;
    if (this.intake.sources.size > 0) {
      add(this.intake.sources, source, count);
    }
  }

  eventsSpilled(count: number): void {
    this.intake.spilled += count;
  }

  eventsLocated(country: string | undefined, count: number): void {
    this.places.count(country, count);
  }

  placesOpened(stats: () => PlaceStats): void {
    this.places.ask = stats;
  }

  eventsRejected(endpoint: EventEndpoint, reason: RejectionReason, count: number): void {
    add(this.intake.endpoints[endpoint].rejected, reason, count);
  }

  eventsRefused(endpoint: EventEndpoint, reason: RefusalReason, count: number): void {
    add(this.intake.endpoints[endpoint].refused, reason, count);
  }

  eventsDropped(reason: DropReason, count: number): void {
    add(this.intake.dropped, reason, count);
  }

  requestDenied(reason: DenialReason): void {
    add(this.intake.denied, reason, 1);
  }

  sourcesNamed(sources: readonly string[]): void {
    for (const source of [...sources, NO_SOURCE]) {
      add(this.intake.sources, source, 0);
    }
  }

  enrichmentStepsNamed(steps: readonly string[]): void {
    for (const step of steps) {
      add(this.intake.enrichmentErrors, step, 0);
    }
  }

  enrichmentFailed(step: string): void {
    add(this.intake.enrichmentErrors, step, 1);
  }

  botsJudged(verdict: BotVerdict, count: number): void {
    add(this.intake.bots, verdict, count);
  }

  eventSchemasOpened(stats: () => EventSchemaStats): void {
    this.eventSchemas.ask = stats;
  }

  eventSchemaViolated(type: string, count: number): void {
    this.eventSchemas.count(type, count);
  }

  rejectedDiscarded(count: number): void {
    this.intake.discarded += count;
  }

  queueOpened(stats: () => Promise<QueueStats>): void {
    this.queue.askQueue = stats;
  }

  lanesOpened(stats: () => readonly LaneStats[]): void {
    this.queue.askLanes = stats;
  }

  fleetOpened(questions: FleetQuestions): void {
    this.fleet.open(questions);
  }

  commitSucceeded(seconds: number): void {
    this.queue.commits.observe(seconds);
  }

  commitFailed(): void {
    this.queue.commitErrors += 1;
  }

  corruptRecordsFound(count: number): void {
    this.queue.corruptRecords += count;
  }

  batchWritten(sink: string, events: number, duplicates: number, seconds: number): void {
    const totals = this.sinks.of(sink);
    totals.duplicates += duplicates;
    totals.flushes.observe(seconds);
    this.eventsWritten(sink, events);
  }

  eventsWritten(sink: string, events: number): void {
    const totals = this.sinks.of(sink);
    totals.ingested += events;
    totals.lastSuccessSeconds = Date.now() / 1000;
  }

  batchFailed(sink: string, errorType: string, seconds: number): void {
    const totals = this.sinks.of(sink);
    add(totals.errors, totals.errors.has(errorType) ? errorType : 'other', 1);
    totals.flushes.observe(seconds);
  }

  batchRetried(sink: string): void {
    this.sinks.of(sink).retries += 1;
  }

  eventsDeadLettered(sink: string, reason: DeadLetterReason, count: number): void {
    add(this.sinks.of(sink).deadLettered, reason, count);
  }

  eventsReplayed(sink: string, count: number): void {
    this.sinks.of(sink).replayed += count;
  }

  rejectedReplayed(count: number): void {
    this.sinks.rejectedReplays += count;
  }

  sinkWentUp(sink: string): void {
    this.sinks.of(sink).up = true;
  }

  sinkWentDown(sink: string): void {
    this.sinks.of(sink).up = false;
  }

  registerOn(registry: Registry): void {
    this.intake.registerOn(registry);
    this.places.registerOn(registry);
    this.eventSchemas.registerOn(registry);
    this.sinks.registerOn(registry);
    this.queue.registerOn(registry);
    this.fleet.registerOn(registry);
  }
}
