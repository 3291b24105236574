import { statfs } from 'node:fs/promises';
import type { SinkStatus } from '../event-queue.js';
import type { QueueStatus } from '../queue-driver.js';
import { accountOf, progressOf, undeliveredEvents } from './cursor.js';
import { CursorFile } from './cursor-file.js';
import { monotonicNowMs } from './monotonic-clock.js';
import { OwnerLock } from './owner-lock.js';
import { assertQueue } from './queue-directory.js';
import { QueueStartError } from './queue-start-error.js';
import { findTail, listSegments, openSegment, type Segment, segmentAt } from './segment.js';

/**
 * A look at a queue's files, also while its collector runs; changes nothing.
 * @throws QueueStartError when there is no queue, or it cannot be read
 */
export async function queueStatus(directory: string): Promise<QueueStatus> {
  await assertQueue(directory);
  const { cursors } = await CursorFile.load(directory);
  const segments = await listSegments(directory);
  const tail = await findTail(segments, cursors);
  const { bavail, bsize } = await statfs(directory);
  const nowMs = monotonicNowMs();
  const sinks: SinkStatus[] = [];
  for (const [sink, cursor] of Object.entries(cursors)) {
    const committedAtMs = await committedAt(segments, cursor.position, tail);
    sinks.push({
      sink,
      progress: progressOf(cursor, tail),
      account: accountOf(cursor),
      oldestEventAgeSeconds: Math.max(0, nowMs - (committedAtMs ?? nowMs)) / 1000,
    });
  }
  return {
    bytes: segments.reduce((sum, segment) => sum + segment.bytes, 0),
    filesystemAvailableBytes: bavail * bsize,
    sinks,
  };
}

/**
 * Gives up what is queued for a sink that is no longer configured.
 * @returns how many undelivered events were given up
 * @throws QueueStartError when a collector is running on the queue, or it has no such sink
 */
export async function forgetSink(directory: string, sink: string): Promise<number> {
  await assertQueue(directory);
  const lock = OwnerLock.take(directory);
  try {
    const cursorFile = await CursorFile.load(directory);
    const { [sink]: forgotten, ...rest } = cursorFile.cursors;
    if (!forgotten) {
      throw new QueueStartError(
        `the queue in ${directory} has no sink named ${sink}; it has ${Object.keys(rest).join(', ') || 'none'}`,
      );
    }
    const tail = await findTail(await listSegments(directory), cursorFile.cursors);
    await cursorFile.save(() => rest);
    await cursorFile.close();
    return undeliveredEvents(forgotten, tail);
  } finally {
    lock.release();
  }
}

/** When the event at the position was committed, Unix ms. */
async function committedAt(
  segments: readonly Segment[],
  position: number,
  tail: number,
): Promise<number | undefined> {
  const segment = segmentAt(segments, position);
  if (!segment || position === tail) {
    return undefined;
  }
  const reader = await openSegment(segment);
  try {
    for (;;) {
      const found = await reader.next(segment.bytes, segment.end ?? tail);
      if (!found) {
        return undefined;
      }
      if (found.kind === 'block' && reader.position > position) {
        return found.header.committedAtMs;
      }
    }
  } finally {
    await reader.close();
  }
}
