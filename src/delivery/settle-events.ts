import type { StoredEvent } from '../event/stored-event.js';
import { RejectedEventsError, RetryableSinkError } from '../sinks/sink.js';
import type { Answer } from './sink-writer.js';

/** Why a sink does not take one event. */
export interface Complaint {
  /** Without a part of the event. */
  readonly message: string;
  /** The sink's own words where they may quote the event. */
  readonly verbatim?: string | undefined;
}

/** What a lane does with events that it was given. */
export interface SettlingSteps {
  /** Resolves when the sink has answered. */
  write(events: readonly StoredEvent[]): Promise<Answer>;
  /** Those of the events that it is the turn of, and that the sink does not have yet. */
  unsettled(events: readonly StoredEvent[]): readonly StoredEvent[];
  /**
   * The sink refuses the event for its content.
   * @param othersTaken it has taken others beside it
   */
  reject(event: StoredEvent, complaint: Complaint, othersTaken: boolean): Promise<void>;
  /** The sink fails with the event alone, and does not say which of the two is at fault. */
  suspect(event: StoredEvent, error: RetryableSinkError): void;
  /** Everything before the position is settled, or suspect. */
  reached(position: number): Promise<void>;
  /** The sink fails with these, and somewhere among them the cause may be: they are tried in smaller groups. */
  isolating(events: readonly StoredEvent[]): void;
  /** Runs before each of these groups is tried. */
  pause(): Promise<void>;
}

type Group = readonly StoredEvent[];

/** Each event is stored, rejected or known as a suspect when it resolves. */
export async function settleEvents(events: Group, steps: SettlingSteps): Promise<void> {
  const settling = new Settling(steps);
  let undecided = await settling.settle(events);
  if (undecided.length > 0) {
    steps.isolating(undecided.flat());
  }
  // In breadth: a group without the event at fault follows soon, and proves that the sink works.
  while (undecided.length > 0) {
    const next: Group[] = [];
    for (const half of undecided.flatMap(halvesOf)) {
      await steps.pause();
      next.push(...(await settling.settle(half)));
    }
    undecided = next;
  }
}

class Settling {
  /** Everything before the events in hand is settled, so that progress within the batch can be committed. */
  private inOrder = true;

  constructor(private readonly steps: SettlingSteps) {}

  /** @returns groups with which the sink fails, and it is open why */
  async settle(group: Group): Promise<readonly Group[]> {
    const events = this.steps.unsettled(group);
    if (events.length === 0) {
      return [];
    }
    const answer = await this.steps.write(events);
    if (!answer) {
      return [];
    }
    if (answer instanceof RejectedEventsError) {
      return this.rejectNamed(events, answer);
    }
    const [first, ...rest] = events;
    const isAlone = first !== undefined && rest.length === 0;
    if (answer instanceof RetryableSinkError) {
      if (isAlone) {
        this.steps.suspect(first, answer);
        return [];
      }
      this.inOrder = false;
      return [events];
    }
    if (isAlone) {
      await this.steps.reject(first, answer, false);
      return [];
    }
    return this.bisect(events);
  }

  private async rejectNamed(
    events: Group,
    { rejections, others }: RejectedEventsError,
  ): Promise<readonly Group[]> {
    this.inOrder = false;
    const rest = events.filter((_, index) => !rejections.has(index));
    const undecided = others === 'written' ? [] : await this.settle(rest);
    for (const [index, message] of rejections) {
      const event = events[index];
      if (event) {
        await this.steps.reject(event, { message }, others === 'written' && rest.length > 0);
      }
    }
    return undecided;
  }

  private async bisect(events: Group): Promise<readonly Group[]> {
    const [first = [], second = []] = halvesOf(events);
    const undecided = await this.settle(first);
    const next = second[0];
    if (this.inOrder && next) {
      await this.steps.reached(next.position);
    }
    return [...undecided, ...(await this.settle(second))];
  }
}

function halvesOf(events: Group): readonly Group[] {
  const middle = Math.ceil(events.length / 2);
  return [events.slice(0, middle), events.slice(middle)];
}
