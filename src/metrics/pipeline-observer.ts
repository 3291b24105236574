import type {
  BotVerdict,
  DeadLetterReason,
  DenialReason,
  DropReason,
  RefusalReason,
  RejectionReason,
} from '../event/reasons.js';

export type EventEndpoint = '/px.gif' | '/collect';

/** What a sink's lane has made of the events accepted for it, restarts included: accepted is the sum of the others. */
export interface Ledger {
  readonly accepted: number;
  readonly delivered: number;
  readonly queued: number;
  readonly deadLettered: number;
  readonly purged: number;
  readonly corrupt: number;
  /** Deleted by the queue's retention before they were read; undefined where that cannot happen. */
  readonly expired?: number;
}

export interface LaneStats {
  readonly sink: string;
  readonly ledger: Ledger;
  /** 0 when nothing is queued. */
  readonly oldestEventAgeSeconds: number;
}

/** What all instances have made of the events that they share. */
export interface FleetStats {
  /** How many the topic has. */
  readonly partitions: number;
  /** How long the topic keeps an event; undefined for ever. */
  readonly retentionSeconds: number | undefined;
  readonly sinks: readonly LaneStats[];
}

export interface FleetQuestions {
  /** All of it is of one moment. */
  readonly status: () => Promise<FleetStats>;
  /** How many partitions this instance reads, by sink. */
  readonly owned: () => ReadonlyMap<string, number>;
}

export interface QueueStats {
  readonly bytes: number;
  readonly capacityBytes: number;
  readonly filesystemAvailableBytes: number;
}

/** The databases of places that are in use. */
export interface PlaceStats {
  /** When the oldest of them was made. */
  readonly builtAt: Date;
  /** Whether what is in their files is what is used. */
  readonly lastReloadSuccessful: boolean;
}

/**
 * What the pipeline reports about itself: facts in the past tense, a batch at a time. Every method
 * returns at once and never throws; all may be called on the hot path.
 */
export abstract class PipelineObserver {
  /** Parsed from a body or a pixel. Each of them is reported once more, as accepted, rejected, refused or dropped. */
  abstract eventsReceived(endpoint: EventEndpoint, count: number): void;
  /** Durable. @param source the name of whose key they came with */
  abstract eventsAccepted(endpoint: EventEndpoint, count: number, source?: string): void;
  /** Some of these are on the local disk only, for their topic does not confirm in time. */
  abstract eventsSpilled(count: number): void;
  /**
   * The same events by country.
   * @param country ISO 3166-1 alpha-2; undefined for those whose country is not known
   */
  abstract eventsLocated(country: string | undefined, count: number): void;
  /** Places are looked up. Without a call, events are not counted by country. @param stats asked at each scrape */
  abstract placesOpened(stats: () => PlaceStats): void;
  /** Invalid. */
  abstract eventsRejected(endpoint: EventEndpoint, reason: RejectionReason, count: number): void;
  /** Valid, and not taken. */
  abstract eventsRefused(endpoint: EventEndpoint, reason: RefusalReason, count: number): void;
  /** Valid, and not wanted by the operator. */
  abstract eventsDropped(reason: DropReason, count: number): void;
  /** Turned away before its events were parsed. */
  abstract requestDenied(reason: DenialReason): void;
  /** These sources have keys. Without a call, events are not counted by source. */
  abstract sourcesNamed(sources: readonly string[]): void;
  /** The steps that may fail. */
  abstract enrichmentStepsNamed(steps: readonly string[]): void;
  /** A step could not look at a request or an event, which is taken without what it adds. */
  abstract enrichmentFailed(step: string): void;
  /** Valid events that were taken or dropped, by what their sender is thought to be. */
  abstract botsJudged(verdict: BotVerdict, count: number): void;
  /** Rejected events that no longer fit among those kept for diagnosis. */
  abstract rejectedDiscarded(count: number): void;

  /** @param stats asked at each scrape, for as long as the process lives */
  abstract queueOpened(stats: () => Promise<QueueStats>): void;
  /** @param stats asked at each scrape, for as long as the process lives */
  abstract lanesOpened(stats: () => readonly LaneStats[]): void;
  /** The queue is shared with other instances. Without a call, nothing is shown of them. Asked at each scrape. */
  abstract fleetOpened(questions: FleetQuestions): void;
  abstract commitSucceeded(seconds: number): void;
  abstract commitFailed(): void;
  /** Reported once for each damaged event, however many lanes come across it. */
  abstract corruptRecordsFound(count: number): void;

  abstract batchWritten(sink: string, events: number, duplicates: number, seconds: number): void;
  /** Confirmed beside refused ones, in an attempt that is reported as failed. */
  abstract eventsWritten(sink: string, events: number): void;
  /** @param errorType one of `SINK_ERROR_TYPES` */
  abstract batchFailed(sink: string, errorType: string, seconds: number): void;
  /** A batch was tried again after a failure. */
  abstract batchRetried(sink: string): void;
  abstract eventsDeadLettered(sink: string, reason: DeadLetterReason, count: number): void;
  /** Dead letters are queued again. */
  abstract eventsReplayed(sink: string, count: number): void;
  /** Rejected events turned out valid, and were queued for every sink. */
  abstract rejectedReplayed(count: number): void;
  abstract sinkWentUp(sink: string): void;
  abstract sinkWentDown(sink: string): void;
}
