import type { StoredEvent } from '../event/stored-event.js';
import type { RetryableSinkError } from '../sinks/sink.js';

const REFUSALS = 3;
/** This part of the whole time is about the same time. */
const TOGETHER = 6;

interface Suspect {
  readonly event: StoredEvent;
  /** The sink's last words about it. */
  error: RetryableSinkError;
  /** Refusals after which the sink has stored a neighbour; without the last one. */
  proven: number;
  /** Time of the first of these, ms. */
  provenSinceMs: number;
  refusedAtMs: number;
  /** What the sink had stored by then. */
  acceptances: number;
}

/**
 * Events with which the sink fails although nothing else is in the batch, and does not say why. Three such
 * refusals over a time, and a neighbour stored after each, are the event's fault. As long as no neighbour is
 * stored, a refusal proves nothing.
 */
export class Suspects {
  /** By position. */
  private readonly all = new Map<number, Suspect>();

  constructor(
    /** From the first refusal that counts to the last. */
    private readonly overMs: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  get count(): number {
    return this.all.size;
  }

  get bytes(): number {
    return [...this.all.values()].reduce((sum, { event }) => sum + event.json.length, 0);
  }

  /** Position of the first one; undefined when there is none. */
  get first(): number | undefined {
    return this.count === 0 ? undefined : Math.min(...this.all.keys());
  }

  /** @param acceptances how often the sink has stored an event by now */
  refused(event: StoredEvent, error: RetryableSinkError, acceptances: number): void {
    const nowMs = this.nowMs();
    const known = this.all.get(event.position);
    if (!known) {
      this.all.set(event.position, {
        event,
        error,
        proven: 0,
        provenSinceMs: nowMs,
        refusedAtMs: nowMs,
        acceptances,
      });
      return;
    }
    if (acceptances > known.acceptances) {
      known.provenSinceMs = known.proven === 0 ? known.refusedAtMs : known.provenSinceMs;
      known.proven += 1;
    }
    known.error = error;
    known.refusedAtMs = nowMs;
    known.acceptances = acceptances;
  }

  /** It is stored or dead-lettered. */
  settled({ position }: StoredEvent): void {
    this.all.delete(position);
  }

  /** Those that are at fault. */
  guilty(acceptances: number): readonly Suspect[] {
    return this.proven(acceptances).filter(
      (suspect) =>
        suspect.proven + 1 >= REFUSALS &&
        suspect.refusedAtMs - suspect.provenSinceMs >= this.overMs,
    );
  }

  /** Those whose last refusal has been proven long enough for the next to count. */
  due(acceptances: number): readonly StoredEvent[] {
    const nowMs = this.nowMs();
    return this.proven(acceptances)
      .filter((suspect) => this.dueAtMs(suspect) <= nowMs)
      .map(({ event }) => event);
  }

  /** The one that was not tried for the longest time, when nothing was stored since some were. */
  unproven(acceptances: number): StoredEvent | undefined {
    return [...this.all.values()]
      .filter((suspect) => !isProven(suspect, acceptances))
      .toSorted((a, b) => a.refusedAtMs - b.refusedAtMs)[0]?.event;
  }

  /**
   * Until some are due, of those whose last refusal is proven; undefined when there are none. Those that are due at
   * about the same time are waited for: one neighbour proves something for all of them.
   */
  dueInMs(acceptances: number): number | undefined {
    const dueAtMs = this.proven(acceptances).map((suspect) => this.dueAtMs(suspect));
    if (dueAtMs.length === 0) {
      return undefined;
    }
    const together = Math.min(...dueAtMs) + this.overMs / TOGETHER;
    return Math.max(0, Math.max(...dueAtMs.filter((at) => at <= together)) - this.nowMs());
  }

  private proven(acceptances: number): readonly Suspect[] {
    return [...this.all.values()].filter((suspect) => isProven(suspect, acceptances));
  }

  private dueAtMs({ refusedAtMs }: Suspect): number {
    return refusedAtMs + this.overMs / (REFUSALS - 1);
  }
}

function isProven(suspect: Suspect, acceptances: number): boolean {
  return acceptances > suspect.acceptances;
}
