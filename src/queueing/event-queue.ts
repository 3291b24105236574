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

/** Of the settled events that no commit has told yet, those that were not delivered. */
export interface Undelivered {
  readonly deadLettered: number;
  /** Dead-lettered, then deleted. */
  readonly purged: number;
  /** Dead-lettered, then queued again by the replay under way. */
  readonly replayed: number;
}

export const ALL_DELIVERED: Undelivered = { deadLettered: 0, purged: 0, replayed: 0 };

/** Where a lane takes its batches from. One caller, one call at a time. */
export interface BatchSource {
  /**
   * The events behind the last batch; the first batch begins at the committed position. Resolves at the
   * first bound reached; rejects with the signal's reason when it is aborted before that.
   */
  read(bounds: BatchBounds, signal: AbortSignal): Promise<Batch>;

  /**
   * Everything before `position` is settled. Durable when it resolves; may be called with a position
   * inside the batch.
   */
  commit(position: number, undelivered: Undelivered): Promise<void>;
}

/** A replay of dead letters: how far it is. */
export interface ReplayMark {
  /** Name of the file that is replayed. */
  readonly file: string;
  /** Everything before it is settled, bytes. */
  readonly offset: number;
  /** Events behind the offset. */
  readonly remaining: number;
  /** How many of these the ledger counts as queued; fewer when a crash has left some there twice. */
  readonly queued: number;
}

/**
 * One lane's view of the queue, and the keeper of its ledger: every change of it is durable when its
 * promise resolves. `read` sets damaged events aside, counts and skips them.
 */
export interface QueueReader extends BatchSource {
  readonly name: string;
  /** Events behind the committed position; those of a replay are not among them. */
  readonly depth: number;
  readonly ledger: Ledger;
  readonly replay: ReplayMark | undefined;

  /** The dead letters of the sink, which are in `file` now, are queued again. */
  beginReplay(file: string, events: number): Promise<void>;
  /** So many more events of the replay, all before `offset`, are settled. */
  settleReplay(offset: number, events: number, undelivered: Undelivered): Promise<void>;
  /** Its file is gone; what was not settled went with it. */
  endReplay(): Promise<void>;
  /** The dead letters are deleted. */
  purgeDeadLetters(): Promise<void>;
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

  abstract readonly state: QueueState;
  /**
   * So much waits for the disk that a request is better turned away before it is parsed. `append` still
   * takes what comes: it is from a request that was let in.
   */
  abstract readonly overloaded: boolean;
  /** The storage's own words while the state is `failing`. */
  abstract readonly failure: string | undefined;
}

/** The reading side of the queue, one reader for each sink. */
export abstract class Readers {
  /** The same one each time. */
  abstract reader(sink: string): QueueReader;

  /** Takes nothing more, finishes what is being written, and releases the storage. */
  abstract close(): Promise<void>;
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
