import {
  type LaneStats,
  PipelineObserver,
  type QueueStats,
} from '../../../src/metrics/pipeline-observer.js';

type Fact = Exclude<keyof PipelineObserver, 'queueOpened' | 'lanesOpened'>;

/** Keeps every fact it is told. */
export class RecordingObserver extends PipelineObserver {
  readonly facts: { readonly fact: Fact; readonly args: readonly unknown[] }[] = [];
  queueStats: (() => Promise<QueueStats>) | undefined;
  laneStats: (() => readonly LaneStats[]) | undefined;

  readonly eventsReceived = this.record('eventsReceived');
  readonly eventsAccepted = this.record('eventsAccepted');
  readonly eventsSpilled = this.record('eventsSpilled');
  readonly eventsLocated = this.record('eventsLocated');
  readonly placesOpened = this.record('placesOpened');
  readonly eventsRejected = this.record('eventsRejected');
  readonly eventsRefused = this.record('eventsRefused');
  readonly eventsDropped = this.record('eventsDropped');
  readonly requestDenied = this.record('requestDenied');
  readonly sourcesNamed = this.record('sourcesNamed');
  readonly enrichmentStepsNamed = this.record('enrichmentStepsNamed');
  readonly enrichmentFailed = this.record('enrichmentFailed');
  readonly botsJudged = this.record('botsJudged');
  readonly rejectedDiscarded = this.record('rejectedDiscarded');
  readonly fleetOpened = this.record('fleetOpened');
  readonly commitSucceeded = this.record('commitSucceeded');
  readonly commitFailed = this.record('commitFailed');
  readonly corruptRecordsFound = this.record('corruptRecordsFound');
  readonly batchWritten = this.record('batchWritten');
  readonly eventsWritten = this.record('eventsWritten');
  readonly batchFailed = this.record('batchFailed');
  readonly batchRetried = this.record('batchRetried');
  readonly eventsDeadLettered = this.record('eventsDeadLettered');
  readonly eventsReplayed = this.record('eventsReplayed');
  readonly rejectedReplayed = this.record('rejectedReplayed');
  readonly sinkWentUp = this.record('sinkWentUp');
  readonly sinkWentDown = this.record('sinkWentDown');

  queueOpened(stats: () => Promise<QueueStats>): void {
    this.queueStats = stats;
  }

  lanesOpened(stats: () => readonly LaneStats[]): void {
    this.laneStats = stats;
  }

  /** The arguments of each telling of the fact. */
  of(fact: Fact): (readonly unknown[])[] {
    return this.facts.filter((told) => told.fact === fact).map((told) => told.args);
  }

  /** Sum of one numeric argument over all tellings of the fact. */
  total(fact: Fact, argument: number): number {
    return this.of(fact).reduce((sum, args) => sum + Number(args[argument]), 0);
  }

  private record(fact: Fact): (...args: unknown[]) => void {
    return (...args) => {
      this.facts.push({ fact, args });
    };
  }
}
