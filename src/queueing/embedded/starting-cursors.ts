import { Logger } from '@nestjs/common';
import { type Cursors, undeliveredEvents } from './cursor.js';
import type { CursorFile } from './cursor-file.js';
import { QueueStartError } from './queue-start-error.js';
import type { SegmentLog } from './segment-log.js';

/** Says for a sink that nothing reads for any more why that is, and what has its events delivered. */
export type HowToDeliver = (sink: string) => {
  readonly cause: string;
  readonly remedy: string;
};

export const nameItAgain: HowToDeliver = (sink) => ({
  cause: `OUTPUTS no longer names ${sink}`,
  remedy: 'Name it again to deliver them',
});

/**
 * A sink that is new starts at the end; without a cursor file, every sink starts at the beginning.
 * @throws QueueStartError when a sink that is not among `sinks` has undelivered events
 */
export function startingCursors(
  { cursors: known, exists }: CursorFile,
  { tail, base, directory }: SegmentLog,
  sinks: readonly string[],
  howToDeliver: HowToDeliver = nameItAgain,
): Cursors {
  for (const [name, cursor] of Object.entries(known)) {
    const undelivered = undeliveredEvents(cursor, tail);
    if (!sinks.includes(name) && undelivered > 0) {
      const { cause, remedy } = howToDeliver(name);
      throw new QueueStartError(
        `${cause}, which has ${undelivered} undelivered event(s) in ${directory}. ` +
          `${remedy}, or give them up with: gotrack queue forget ${name}`,
      );
    }
  }
  if (!exists && base !== undefined) {
    new Logger('Queue').warn(
      `${directory} has no cursors: every sink gets everything that is still in the queue`,
    );
  }
  const start = exists ? tail : (base ?? tail);
  const joined = { start, position: start, deadLettered: 0, purged: 0, corrupt: 0 };
  return Object.fromEntries(sinks.map((name) => [name, known[name] ?? joined]));
}
