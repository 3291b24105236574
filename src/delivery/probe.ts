import type { StoredEvent } from '../event/stored-event.js';
import type { Hold } from './hold.js';
import type { Neighbours } from './neighbours.js';
import type { Retry } from './retry.js';
import type { SinkWriter } from './sink-writer.js';

/** So many later events are tried at once, before the lane is said to hold. */
const TRIED_AT_ONCE = 8;

/** Tries single events on a sink that refuses or fails with those in hand. */
export class Probe {
  constructor(
    private readonly writer: SinkWriter,
    private readonly neighbours: Neighbours,
    private readonly retry: Retry,
    private readonly hold: Hold,
  ) {}

  /**
   * The sink has refused so many events in a row that it may be at fault: waits until it takes one, this or
   * a later one. The lane holds meanwhile.
   * @param refusal the sink's words about the event
   * @returns whether the event itself is stored; otherwise the sink refuses it and takes others
   */
  async isStoredInTheEnd(event: StoredEvent, refusal: string): Promise<boolean> {
    const after = event.position + 1;
    for (let tried = 0; tried < TRIED_AT_ONCE; tried += 1) {
      if (await this.isNeighbourStored(after)) {
        return this.isStored(event);
      }
    }
    for (let attempts = 1; ; attempts += 1) {
      this.hold.beginForRefusals(refusal);
      await this.retry.pause(attempts);
      if (await this.isStored(event)) {
        return true;
      }
      if (await this.isNeighbourStored(after)) {
        // Once more: the cause may be gone since.
        return this.isStored(event);
      }
    }
  }

  /**
   * Tries one later event of the queue; false when there is none.
   * @param from its position or one before it; what is in hand is left out by default
   */
  async isNeighbourStored(from?: number): Promise<boolean> {
    const neighbour = await this.retry.retryDisk('the queue cannot be read', () =>
      this.neighbours.next(from),
    );
    if (!neighbour) {
      return false;
    }
    const stored = await this.isStored(neighbour);
    if (stored) {
      this.neighbours.accepted(neighbour);
    } else {
      this.neighbours.refused();
    }
    return stored;
  }

  private async isStored(event: StoredEvent): Promise<boolean> {
    return (await this.writer.write([event])) === undefined;
  }
}
