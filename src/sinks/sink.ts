import type { SinkErrorType } from '../event/reasons.js';
import type { StoredEvent } from '../event/stored-event.js';

export interface Written {
  /** Events of the batch that the sink already had. */
  readonly duplicates: number;
}

/**
 * Where a lane delivers to. A sink does no batching, retrying or dead-lettering of its own: the lane
 * calls one method at a time, and calls `write` again until it succeeds. Each method settles within a bounded time.
 */
export abstract class Sink {
  /** Called until it succeeds once, before anything else. @throws RetryableSinkError */
  abstract open(): Promise<void>;

  /**
   * Stores the whole batch; resolves only when every event of it is durable at the sink. After a
   * failure the batch comes again, whole or in parts: what was stored may be stored twice.
   * @throws RetryableSinkError the batch may succeed later
   * @throws RejectedEventsError the sink refuses some events for their content, and knows which
   * @throws RejectedBatchError the sink refuses the batch for the content of some event it cannot name
   */
  abstract write(batch: readonly StoredEvent[]): Promise<Written>;

  /** Proves that the sink can be reached and used now; may run while `write` does. @throws RetryableSinkError */
  abstract check(): Promise<void>;

  /** Frees everything; what was confirmed stays. Called once, last; also when `open` never succeeded. */
  abstract close(): Promise<void>;
}

export interface RetryableErrorOptions extends ErrorOptions {
  /** See the properties of the same names. */
  readonly suspect?: boolean;
  readonly verbatim?: string | undefined;
}

/** The sink could not take the batch now. Its message goes to the log and to `/readyz`: no part of an event is in it. */
export class RetryableSinkError extends Error {
  override readonly name = 'RetryableSinkError';
  /**
   * The error does not tell whether an event or the sink is at fault: the lane judges by repetition. False: nothing is
   * wrong with the events.
   */
  readonly suspect: boolean;
  /** The sink's own words where they may quote an event: for its dead letter, and nowhere else. */
  readonly verbatim: string | undefined;

  constructor(
    readonly errorType: Exclude<SinkErrorType, 'rejected'>,
    message: string,
    { suspect = false, verbatim, ...options }: RetryableErrorOptions = {},
  ) {
    super(message, options);
    this.suspect = suspect;
    this.verbatim = verbatim;
  }
}

/** The sink refuses these events, now and for ever, for what they contain. */
export class RejectedEventsError extends Error {
  override readonly name = 'RejectedEventsError';

  constructor(
    /** Index in the batch → the sink's own reason. Never empty. */
    readonly rejections: ReadonlyMap<number, string>,
    /** What became of the other events of the batch. */
    readonly others: 'written' | 'not-written',
  ) {
    super(`the sink refuses ${rejections.size} event(s) of the batch`);
  }
}

/**
 * The sink refuses the batch for what some event contains, and cannot tell which: the lane bisects. No part of an event
 * is in its message.
 */
export class RejectedBatchError extends Error {
  override readonly name = 'RejectedBatchError';

  constructor(
    message: string,
    /** The sink's own words where they may quote an event: for its dead letter, and nowhere else. */
    readonly verbatim?: string,
  ) {
    super(message);
  }
}
