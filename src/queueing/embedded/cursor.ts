import type { Account, AccountChange, Progress } from '../event-queue.js';

/** Where one sink stands, and what became of the events before that. */
export interface Cursor extends Account {
  /** Position at which the sink joined the queue. */
  readonly start: number;
  /** Everything before it is settled, but for what a replay has queued again. */
  readonly position: number;
  /** How many of the settled events were damaged in the queue. */
  readonly corrupt: number;
  /** Position after the last event of the log when this was written: what is not there any more is lost. */
  readonly tail?: number;
}

export type Cursors = Readonly<Record<string, Cursor>>;

export function accountOf({ deadLettered, purged, replay }: Cursor): Account {
  return { deadLettered, purged, ...(replay && { replay }) };
}

export function progressOf({ start, position, corrupt }: Cursor, tail: number): Progress {
  return { accepted: tail - start, settled: position - start, corrupt };
}

/** Events that the sink still has to get, those of a replay among them. */
export function undeliveredEvents({ position, replay }: Cursor, tail: number): number {
  return tail - position + (replay?.queued ?? 0);
}

export function changeAccount(cursor: Cursor, change: AccountChange): Cursor {
  const { start, position, corrupt, tail } = cursor;
  return {
    start,
    position,
    corrupt,
    ...(tail !== undefined && { tail }),
    ...change(accountOf(cursor)),
  };
}
