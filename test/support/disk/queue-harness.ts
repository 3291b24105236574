import type { PipelineObserver } from '../../../src/metrics/pipeline-observer.js';
import type { EventQueue, Progress, Readers } from '../../../src/queueing/event-queue.js';

/** One place where a driver keeps a queue, empty at first, with a small bound. */
export interface QueueHarness {
  /** What the progress of a new queue's sink has that not every driver's has. */
  readonly moreProgress?: Partial<Progress>;
  /**
   * Once the queue that was opened before is closed. Rejects, with the number of undelivered events, when
   * `sinks` leaves out one that has some.
   */
  open(sinks: readonly string[], observer: PipelineObserver): Promise<EventQueue & Readers>;
  /** While no queue is open. @returns how many undelivered events were given up */
  forget(sink: string): Promise<number>;
  /** How much of the queue's bound the events of one append take. */
  bytesOf(events: readonly Buffer[]): number;
  /** Ends every failure of what the queue is kept on. */
  repair(): void;
  remove(): Promise<void>;
}
