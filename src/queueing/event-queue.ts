import type { EncodedEvent, StoredEvent } from '../event/stored-event.js';

/** A batch is handed out as soon as one of its bounds is reached. */
export interface BatchBounds {
  readonly maxEvents: number;
  /** Counts the events' JSON. The first event always fits. */
  readonly maxBytes: number;
  /** How long the first event may wait for others. */
  readonly lingerMs: number;
}

export interface Batch {
  /** In order; empty when everything between two positions was damaged. */
  readonly events: readonly StoredEvent[];
  /** Position after the batch: commit it, or the position after one of its events. */
  readonly end: number;
  /**
   * Aborts when what was handed out, this batch and those before it, is no longer the reader's to deliver: stop, and
   * commit nothing of it. The next batch begins at what is committed. Undefined where that cannot happen.
   */
  readonly lost?: AbortSignal;
}

/** A replay of dead letters: how far it is. */
export interface ReplayMark {
  /** Name of the file that is replayed. */
  readonly file: string;
  /** Everything before it is settled, bytes. */
  readonly offset: number;
  /** Events after the offset. */
  readonly remaining: number;
  /** How many of these the ledger counts as queued; fewer when a crash has left some there twice. */
  readonly queued: number;
}

/**
 * What delivery keeps beside a sink's position, so that its ledger survives a restart. A driver stores it
 * with the position and changes none of it.
 */
export interface Account {
  /** Settled events that were not delivered: they are in the dead letters, or were deleted from them. */
  readonly deadLettered: number;
  readonly purged: number;
  readonly replay?: ReplayMark;
}

export type AccountChange = (account: Account) => Account;

/** How far a sink is: events since it joined the queue. */
export interface Progress {
  readonly accepted: number;
  /** Before the committed position. */
  readonly settled: number;
  /** Settled events that were damaged in the queue, and skipped. */
  readonly corrupt: number;
  /** Settled events that the queue's retention has deleted before they were read. Undefined where none are. */
  readonly expired?: number;
}

export interface SinkStatus {
  readonly sink: string;
  readonly progress: Progress;
  readonly account: Account;
  /** 0 when nothing is queued. */
  readonly oldestEventAgeSeconds: number;
}

/**
 * One sink's way out of the queue, for one caller, one call at a time. `read` sets damaged events aside,
 * counts and skips them.
 */
export abstract class BatchSource {
  abstract readonly name: string;
  /** Events after the committed position. */
  abstract readonly depth: number;
  abstract readonly progress: Progress;
  /** As it was last stored. */
  abstract readonly account: Account;
  /** 0 when nothing is queued. */
  abstract readonly oldestEventAgeSeconds: number;
  /** Others read it as well and continue where this one ends: it is not drained before an end. */
  readonly isShared: boolean = false;

  /**
   * The events after the last batch; the first batch begins at the committed position. Resolves at the
   * first bound reached; rejects with the signal's reason when it is aborted before that.
   */
  abstract read(bounds: BatchBounds, signal: AbortSignal): Promise<Batch>;

  /**
   * A look at the events from `position` on, or from the committed position if that is later; `lingerMs` does
   * not count. Moves, counts and sets aside nothing: what was peeked at, `read` hands out in its turn.
   * @returns a batch without events that ends where it begins when nothing is there yet
   */
  abstract peek(position: number, bounds: BatchBounds): Promise<Batch>;

  /**
   * Everything before `position`, which may lie inside the batch, is settled. The position and the change
   * of the account are durable, both or none, when it resolves.
   */
  abstract commit(position: number, change: AccountChange): Promise<void>;

  /** Changes the account alone; durable when it resolves. */
  abstract updateAccount(change: AccountChange): Promise<void>;

  /**
   * The sink refuses an event of the queue for good.
   * @param _reason the sink's words, without a part of the event
   * @returns whether its sender still waits, and is told so: then it is no dead letter
   */
  refuse(_position: number, _reason: string): boolean {
    return false;
  }
}

/** Whether `append` takes events, and if not, why. */
export type QueueState = 'accepting' | 'full' | 'failing' | 'away' | 'closed';

/**
 * The durable queue between ingestion and the lanes. Positions are opaque but for their order, appends
 * are batches, commits are explicit: a distributed log can implement this port.
 */
export abstract class EventQueue {
  /**
   * Resolves once every event is durable, all or none.
   * @throws QueueFullError the bound is reached: try again when lanes have drained
   * @throws QueueUnavailableError the disk failed, the queue is closing, or what makes events durable is away
   * @throws QueueRefusedError one of them is never taken, for what it contains
   */
  abstract append(events: readonly EncodedEvent[]): Promise<void>;

  /**
   * Like `append`, for events that nobody waits for: resolves once they will not be lost by this process, and never
   * with a QueueRefusedError.
   */
  store(events: readonly EncodedEvent[]): Promise<void> {
    return this.append(events);
  }

  abstract readonly state: QueueState;
  /**
   * So much waits for the disk that a request is better turned away before it is parsed. `append` still
   * takes what comes: it is from a request that was admitted.
   */
  abstract readonly overloaded: boolean;
  /** The storage's own words while the state is `failing` or `away`. */
  abstract readonly failure: string | undefined;
}

/** A queue on the disk of this machine. */
export abstract class LocalQueue extends EventQueue {
  /** @param onDurable is told the position of the first event, before any reader sees it and before the promise resolves */
  abstract override append(
    events: readonly EncodedEvent[],
    onDurable?: (position: number) => void,
  ): Promise<void>;
}

/** The reading side of the queue, one reader for each sink. */
export abstract class Readers {
  /** The same one each time. */
  abstract reader(sink: string): BatchSource;

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
    readonly reason: 'disk' | 'draining' | 'queue_away',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Nothing that is tried again helps. Other events of the same call may be durable. */
export class QueueRefusedError extends Error {
  override readonly name = 'QueueRefusedError';
}
