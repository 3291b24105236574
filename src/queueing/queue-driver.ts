import type { GetOptions } from '../config/load-configuration.js';
import type { OptionsClass } from '../config/setting.js';
import type { PipelineObserver } from '../metrics/pipeline-observer.js';
import type { Account, LocalQueue, Progress, Readers, ReplayMark } from './event-queue.js';
import type { Fleet, FleetStatus } from './fleet.js';
import type { QueuePlan } from './queue-plan.js';

export interface SinkStatus {
  readonly sink: string;
  readonly progress: Progress;
  readonly account: Account;
  /** 0 when nothing is queued. */
  readonly oldestEventAgeSeconds: number;
}

export interface QueueStatus {
  readonly bytes: number;
  readonly filesystemAvailableBytes: number;
  readonly sinks: readonly SinkStatus[];
}

export interface OpenQueue {
  /** What ingestion appends to; undefined where there is no ingestion. */
  readonly local: LocalQueue | undefined;
  /** For each lane of the process. It closes everything. */
  readonly readers: Readers;
  /** Undefined where this instance has the queue for itself. */
  readonly fleet?: Fleet;
}

/** One way to keep the queue. Each method rejects with an error for the operator when there is none to use. */
export interface QueueDriver {
  /** What its methods ask for. */
  readonly optionsClasses: readonly OptionsClass[];
  open(get: GetOptions, plan: QueuePlan, observer: PipelineObserver): Promise<OpenQueue>;

  /** What is on the disk of this machine, also while a collector runs; undefined when nothing is kept there. Changes nothing. */
  status(get: GetOptions, plan: QueuePlan): Promise<QueueStatus | undefined>;

  /** What all instances have made of the events that they share; a driver without it shares none. Changes nothing. */
  fleetStatus?(get: GetOptions, plan: QueuePlan): Promise<FleetStatus>;

  /** How far the replay of a sink's dead letters is, also while a collector runs; undefined when there is none. */
  replayMark(get: GetOptions, sink: string): Promise<ReplayMark | undefined>;

  /**
   * Gives up what is queued on this machine for a sink that has no lane there any more; rejects while a collector runs.
   * @returns how many undelivered events were given up
   */
  forget(get: GetOptions, plan: QueuePlan, sink: string): Promise<number>;
}

export function replayMarkIn(
  status: QueueStatus | undefined,
  name: string,
): ReplayMark | undefined {
  return status?.sinks.find(({ sink }) => sink === name)?.account.replay;
}
