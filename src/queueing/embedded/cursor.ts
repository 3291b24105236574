import type { Ledger } from '../../metrics/pipeline-observer.js';
import type { ReplayMark, Undelivered } from '../event-queue.js';

/** Where one sink stands, and what became of the events before that. */
export interface Cursor {
  /** Position at which the sink joined the queue. */
  readonly start: number;
  /** Everything before it is settled, but for what a replay has queued again. */
  readonly position: number;
  /** Of the settled events: not delivered but in the dead letters, deleted from them, damaged in the queue. */
  readonly deadLettered: number;
  readonly purged: number;
  readonly corrupt: number;
  readonly replay?: ReplayMark;
  /** Position behind the last event of the log when this was written: what is not there any more is lost. */
  readonly tail?: number;
}

export type Cursors = Readonly<Record<string, Cursor>>;

export function ledgerOf(cursor: Cursor, tail: number): Ledger {
  const { start, position, deadLettered, purged, corrupt } = cursor;
  const queuedAgain = cursor.replay?.queued ?? 0;
  return {
    accepted: tail - start,
    delivered: position - start - queuedAgain - deadLettered - purged - corrupt,
    queued: tail - position + queuedAgain,
    deadLettered,
    purged,
    corrupt,
  };
}

/** Everything before `position` is settled, and `corrupt` more events before it were damaged. */
export function settle(
  cursor: Cursor,
  position: number,
  { deadLettered, purged, replayed }: Undelivered,
  corrupt: number,
): Cursor {
  const { replay } = cursor;
  return {
    ...cursor,
    position,
    deadLettered: cursor.deadLettered + deadLettered,
    // Somebody may have removed the file that was to be replayed.
    purged: cursor.purged + purged + (replay ? 0 : replayed),
    corrupt: cursor.corrupt + corrupt,
    ...(replay && { replay: { ...replay, queued: replay.queued + replayed } }),
  };
}

/**
 * The dead letters in `file` are queued again. After a crash some may be in it twice, and were counted
 * once: the ledger moves no more than it has.
 */
export function beginReplay(cursor: Cursor, file: string, events: number): Cursor {
  const queued = Math.min(events, cursor.deadLettered);
  return {
    ...cursor,
    deadLettered: cursor.deadLettered - queued,
    replay: { file, offset: 0, remaining: events, queued },
  };
}

export function settleReplay(
  cursor: Cursor,
  offset: number,
  events: number,
  undelivered: Undelivered,
): Cursor {
  const { replay } = cursor;
  if (!replay) {
    return cursor;
  }
  const remaining = Math.max(0, replay.remaining - events);
  const queued = Math.min(replay.queued, remaining);
  const settled = replay.queued - queued;
  const deadLettered = Math.min(undelivered.deadLettered, settled);
  const purged = Math.min(undelivered.purged, settled - deadLettered);
  return {
    ...cursor,
    deadLettered: cursor.deadLettered + deadLettered,
    purged: cursor.purged + purged,
    replay: { ...replay, offset, remaining, queued },
  };
}

/** What it has not settled is gone: somebody removed its file. */
export function endReplay({ replay, ...cursor }: Cursor): Cursor {
  return { ...cursor, purged: cursor.purged + (replay?.queued ?? 0) };
}

export function purgeDeadLetters(cursor: Cursor): Cursor {
  return { ...cursor, deadLettered: 0, purged: cursor.purged + cursor.deadLettered };
}
