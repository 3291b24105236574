import type { StoredEvent } from '../event/stored-event.js';

/** One for each refusal of a suspect, and one that may be a suspect itself. */
const SIZE = 4;

/**
 * Neighbours of a suspect that are kept back for a while: what the sink has stored once proves nothing when it comes
 * again, and perhaps no other event comes soon.
 */
export class Reserve {
  private kept: readonly { readonly event: StoredEvent; readonly sinceMs: number }[] = [];

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  get count(): number {
    return this.kept.length;
  }

  /** Position of the first one; undefined when there is none. */
  get first(): number | undefined {
    return this.count === 0 ? undefined : Math.min(...this.kept.map(({ event }) => event.position));
  }

  /** Those of the events that are not kept here. */
  without(events: readonly StoredEvent[]): readonly StoredEvent[] {
    return this.count === 0 ? events : events.filter((event) => !this.has(event));
  }

  /** Keeps as many of them as there is room for, the last ones. */
  fillFrom(events: readonly StoredEvent[]): void {
    const room = SIZE - this.count;
    if (room > 0) {
      const sinceMs = this.nowMs();
      this.kept = [...this.kept, ...events.slice(-room).map((event) => ({ event, sinceMs }))];
    }
  }

  takeOne(): StoredEvent | undefined {
    const [first, ...rest] = this.kept;
    this.kept = rest;
    return first?.event;
  }

  /** Those that were kept for so long, or longer. */
  takeOlderThan(ms: number): readonly StoredEvent[] {
    const beforeMs = this.nowMs() - ms;
    const old = this.kept.filter(({ sinceMs }) => sinceMs <= beforeMs);
    this.kept = this.kept.filter(({ sinceMs }) => sinceMs > beforeMs);
    return old.map(({ event }) => event);
  }

  /** Until the first one was kept for so long; undefined when there is none. */
  dueInMs(ms: number): number | undefined {
    return this.count === 0
      ? undefined
      : Math.max(0, Math.min(...this.kept.map(({ sinceMs }) => sinceMs)) + ms - this.nowMs());
  }

  private has({ position }: StoredEvent): boolean {
    return this.kept.some(({ event }) => event.position === position);
  }
}
