import type { StoredEvent } from '../event/stored-event.js';
import type { Batch } from '../queueing/event-queue.js';
import { type RejectedBatchError, RejectedEventsError } from '../sinks/sink.js';

export type Refusal = RejectedEventsError | RejectedBatchError;

/** Why the sink refuses one event; `verbatim` may hold a part of it. */
export interface EventRefusal {
  readonly message: string;
  readonly verbatim?: string | undefined;
}

/** What a lane does with the events of a batch. */
export interface BatchSteps {
  /** Resolves when the sink has answered: undefined when it has stored them all. */
  write(events: readonly StoredEvent[]): Promise<Refusal | undefined>;
  /** Dead-letters the event; false when the lane holds, and the event is to be tried again. */
  reject(event: StoredEvent, refusal: EventRefusal): Promise<boolean>;
  /** Everything before the position is settled. */
  commit(position: number): Promise<void>;
  pause(failedAttempts: number): Promise<void>;
}

/**
 * Settles every event of the batch, stored or dead-lettered, and commits: in pieces, as far as everything
 * before a piece is settled.
 */
export async function deliverBatch({ events, end }: Batch, steps: BatchSteps): Promise<void> {
  const settling = new Settling(steps);
  let unsettled = await settling.settle(events);
  for (let attempts = 1; unsettled.length > 0; attempts += 1) {
    await steps.pause(attempts);
    unsettled = await settling.settle(unsettled);
  }
  await steps.commit(end);
}

class Settling {
  /** Everything before the events in hand is settled, so that progress within the batch can be committed. */
  private inOrder = true;

  constructor(private readonly steps: BatchSteps) {}

  /** @returns the events that the sink refuses while the lane holds */
  async settle(events: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
    if (events.length === 0) {
      return [];
    }
    const refusal = await this.steps.write(events);
    if (!refusal) {
      return [];
    }
    if (refusal instanceof RejectedEventsError) {
      return this.rejectNamed(events, refusal);
    }
    const [first, ...rest] = events;
    if (first && rest.length === 0) {
      return (await this.steps.reject(first, refusal)) ? [] : [first];
    }
    return this.bisect(events);
  }

  private async rejectNamed(
    events: readonly StoredEvent[],
    { rejections, others }: RejectedEventsError,
  ): Promise<readonly StoredEvent[]> {
    this.inOrder = false;
    const unsettled =
      others === 'written'
        ? []
        : [...(await this.settle(events.filter((_, index) => !rejections.has(index))))];
    for (const [index, reason] of rejections) {
      const event = events[index];
      if (event && !(await this.steps.reject(event, { message: reason }))) {
        unsettled.push(event);
      }
    }
    return unsettled.toSorted((a, b) => a.position - b.position);
  }

  private async bisect(events: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
    const middle = Math.ceil(events.length / 2);
    const next = events[middle];
    const unsettled = await this.settle(events.slice(0, middle));
    if (unsettled.length > 0) {
      this.inOrder = false;
    }
    if (this.inOrder && next) {
      await this.steps.commit(next.position);
    }
    return [...unsettled, ...(await this.settle(events.slice(middle)))];
  }
}
