import { open } from 'node:fs/promises';
import { type Line, readLines } from '../../disk/read-lines.js';
import { encode } from '../../event/encode.js';
import type { StoredEvent } from '../../event/stored-event.js';
import { eventOfLine } from '../../event/dead-letter-line.js';
import type { DeadLetters } from './dead-letters.js';
import type {
  Batch,
  BatchBounds,
  BatchSource,
  QueueReader,
  Undelivered,
} from '../../queueing/event-queue.js';

/**
 * A file of dead letters, as its sink's lane takes batches from it. An event's position is the offset of
 * its line. The operator may have edited the file; a line that holds no event goes back to the dead letters.
 */
export class DeadLetterReplay implements BatchSource {
  /** Offsets of the lines that were read and are not committed. */
  private starts: readonly number[] = [];
  private unreadable: readonly Line[] = [];

  constructor(
    private readonly path: string,
    private readonly reader: QueueReader,
    private readonly deadLetters: DeadLetters,
  ) {}

  /** At the end of the file, the batch is empty and its end is where it began. */
  async read({ maxEvents, maxBytes }: BatchBounds): Promise<Batch> {
    const from = this.reader.replay?.offset ?? 0;
    const lines = (await this.lines(from, maxBytes)).slice(0, maxEvents);
    const events: StoredEvent[] = [];
    const unreadable: Line[] = [];
    for (const line of lines) {
      const event = eventOfLine(line.bytes);
      if (event) {
        events.push({ position: line.start, json: encode(event) });
      } else {
        unreadable.push(line);
      }
    }
    if (unreadable.length > 0) {
      await this.deadLetters.putBack(
        this.reader.name,
        unreadable.map(({ bytes }) => bytes),
      );
    }
    this.starts = lines.map(({ start }) => start);
    this.unreadable = unreadable;
    return { events, end: lines.at(-1)?.end ?? from };
  }

  async commit(position: number, { deadLettered, purged }: Undelivered): Promise<void> {
    const settled = this.starts.filter((start) => start < position);
    const putBack = this.unreadable.filter(({ start }) => start < position);
    await this.reader.settleReplay(position, settled.length, {
      deadLettered: deadLettered + putBack.length,
      purged,
      replayed: 0,
    });
    this.starts = this.starts.slice(settled.length);
    this.unreadable = this.unreadable.slice(putBack.length);
  }

  private async lines(from: number, bytes: number): Promise<Line[]> {
    const handle = await open(this.path, 'r');
    try {
      return await readLines(handle, from, bytes);
    } finally {
      await handle.close();
    }
  }
}
