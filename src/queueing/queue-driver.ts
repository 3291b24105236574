import type { PipelineObserver } from '../metrics/pipeline-observer.js';
import type { Account, EventQueue, Progress, Readers } from './event-queue.js';
import type { QueueingOptions } from './queueing.options.js';

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

/** One way to keep the queue. Each method rejects with an error for the operator when there is none to use. */
export interface QueueDriver {
  /** @param sinks the names of those that read the queue */
  open(
    options: QueueingOptions,
    sinks: readonly string[],
    observer: PipelineObserver,
  ): Promise<EventQueue & Readers>;

  /** Also while a collector runs; changes nothing. */
  status(options: QueueingOptions): Promise<QueueStatus>;

  /**
   * Gives up what is queued for a sink that is no longer configured; rejects while a collector runs.
   * @returns how many undelivered events were given up
   */
  forget(options: QueueingOptions, sink: string): Promise<number>;
}
