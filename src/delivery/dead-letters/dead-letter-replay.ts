import type { Line } from '../../disk/read-lines.js';
import { eventOfLine } from '../../event/dead-letter-line.js';
import { encode } from '../../event/encode.js';
import type { StoredEvent } from '../../event/stored-event.js';
import type { Batch, BatchBounds } from '../../queueing/event-queue.js';
import type { Accounting } from '../accounting.js';
import type { DeadLetterStore } from './dead-letter-store.js';

/**
 * A sink's dead letters, as its lane takes batches from them. An event's position is the offset of its
 * line. The operator may have edited the lines; one that holds no event is dead-lettered again.
 */
export class DeadLetterReplay {
  /** Offsets of the lines that were read and are not committed. */
  private starts: readonly number[] = [];
  private unreadable: readonly Line[] = [];
  /** Lines that were read with others before. */
  private ahead: readonly Line[] = [];

  constructor(
    private readonly sink: string,
    private readonly replay: string,
    private readonly accounting: Accounting,
    private readonly store: DeadLetterStore,
  ) {}

  /** Undefined at the end. */
  async read({ maxEvents, maxBytes }: BatchBounds): Promise<Batch | undefined> {
    const offset = this.accounting.replay?.offset ?? 0;
    if (this.ahead[0]?.start !== offset) {
      this.ahead = await this.store.readReplay(this.replay, offset, maxBytes);
    }
    const lines = this.ahead.slice(0, maxEvents);
    this.ahead = this.ahead.slice(maxEvents);
    const end = lines.at(-1)?.end;
    if (end === undefined) {
      return undefined;
    }
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
      await this.store.appendRaw(
        this.sink,
        unreadable.map(({ bytes }) => bytes),
      );
    }
    this.starts = lines.map(({ start }) => start);
    this.unreadable = unreadable;
    return { events, end };
  }

  /** Every line before `position` is settled. */
  async commit(position: number): Promise<void> {
    const settled = this.starts.filter((start) => start < position);
    const refused = this.unreadable.filter(({ start }) => start < position);
    await this.accounting.commitReplay(position, settled.length, refused.length);
    this.starts = this.starts.slice(settled.length);
    this.unreadable = this.unreadable.slice(refused.length);
  }

  /** Everything of it is settled. */
  async end(): Promise<void> {
    await this.store.removeReplay(this.replay);
    await this.accounting.endReplay();
  }
}
