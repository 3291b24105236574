import type { EncodedEvent, StoredEvent } from '../event/stored-event.js';
import type { Ledger } from '../metrics/pipeline-observer.js';

/** A batch is handed out as soon as one of its bounds is reached. */
export interface BatchBounds {
  readonly maxEvents: number;
  /** Of JSON. The first event always fits. */
  readonly maxBytes: number;
  /** How long the first event may wait for others. */
  readonly lingerMs: number;
}

export interface Batch {
  /** In order; empty when everything between two positions was damaged. */
  readonly events: readonly StoredEvent[];
  /** Position behind the batch: commit it, or the position behind one of its events. */
  readonly end: number;
}

/** One lane's view of the queue. One caller, one call at a time. */
export interface QueueReader {
  readonly name: string;
  /** Events accepted and not yet committed. */
  readonly depth: number;
  readonly ledger: Ledger;

  /**
   * The events behind the last batch; the first batch begins at the committed position. Resolves at the
   * first bound reached; rejects with the signal's reason when it is aborted before that. Damaged events
   * are set aside, counted and skipped.
   */
  read(bounds: BatchBounds, signal: AbortSignal): Promise<Batch>;

  /**
   * Everything before `position` is settled. Durable when it resolves; may be called with a position
   * inside the batch.
   * @param deadLettered how many of the events since the last commit went to the dead letters
   */
  commit(position: number, deadLettered: number): Promise<void>;
}

/** Whether `append` takes events, and if not, why. */
export type QueueState = 'accepting' | 'full' | 'failing' | 'closed';

/**
 * The durable queue between ingestion and the lanes. Positions are opaque but for their order, appends
 * are batches, commits are explicit: a distributed log can stand behind this port.
 */
export abstract class EventQueue {
  /**
   * Resolves once every event is durable, all or none.
   * @throws QueueFullError the bound is reached: try again when lanes have drained
   * @throws QueueUnavailableError the disk failed, or the queue is closing
   */
  abstract append(events: readonly EncodedEvent[]): Promise<void>;

  abstract reader(name: string): QueueReader;

  abstract readonly state: QueueState;
  /** The storage's own words while the state is `failing`. */
  abstract readonly failure: string | undefined;
}

export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';

  constructor(options?: ErrorOptions) {
    super('the queue has reached QUEUE_MAX_MB', options);
  }
}

export class QueueUnavailableError extends Error {
  override readonly name = 'QueueUnavailableError';

  constructor(
    readonly reason: 'disk' | 'draining',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
