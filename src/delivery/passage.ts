import type { StoredEvent } from '../event/stored-event.js';
import type { Batch, BatchBounds } from '../queueing/event-queue.js';
import type { Neighbours } from './neighbours.js';
import type { Probe } from './probe.js';
import { Reserve } from './reserve.js';
import { backoffMs } from './retry.js';
import { type Complaint, settleEvents, type SettlingSteps } from './settle-events.js';
import type { SinkWriter } from './sink-writer.js';
import { Suspects } from './suspects.js';

/** How long a suspect is judged: from the first refusal that counts to the last. */
const JUDGED_OVER_MS = 30_000;
/** Batches that are delivered while events before them are judged. After a crash they come again. */
const BATCHES_AHEAD = 100;
/** Many suspects are tried again by so many in a turn, and a turn comes no sooner than this. */
const TRIED_IN_A_TURN = 10;
const TURN_MS = 200;
/** So many suspect errors in a row are what a few events cause; after more, it may be the sink. */
const UNHURRIED_AFTER = 10;
/** And so many may come when known suspects are tried again. */
const DOUBTFUL_AFTER = 50;

export interface PassageBounds extends BatchBounds {
  readonly judgedOverMs?: number | undefined;
}

export interface PassageSteps {
  /** Dead-letters the event, unless the sink takes it in the end. */
  reject(event: StoredEvent, complaint: Complaint, othersTaken: boolean): Promise<void>;
  commit(position: number): Promise<void>;
  pause(failedAttempts: number): Promise<void>;
}

/**
 * The events of one source, from the batch that was read to the commit. Suspects stay here until they are judged,
 * while what comes after them is delivered; a position is committed only when everything before it is settled.
 */
export class Passage {
  private readonly judgedOverMs: number;
  private suspects: Suspects;
  private reserve = new Reserve();
  private readonly settlingSteps: SettlingSteps;
  /** Positions after the batches that are not committed as a whole. */
  private ends: readonly number[] = [];
  private nextTurnAtMs = 0;
  private draining = false;

  constructor(
    private readonly bounds: PassageBounds,
    private readonly writer: SinkWriter,
    private readonly neighbours: Neighbours | undefined,
    private readonly probe: Probe,
    private readonly steps: PassageSteps,
  ) {
    this.judgedOverMs = bounds.judgedOverMs ?? JUDGED_OVER_MS;
    this.suspects = new Suspects(this.judgedOverMs);
    this.settlingSteps = {
      write: (group) => writer.write(group),
      unsettled: (group) => this.reserve.without(this.notStored(group)),
      reject: (event, complaint, othersTaken) => steps.reject(event, complaint, othersTaken),
      suspect: (event, error) => this.suspects.refused(event, error, writer.acceptances),
      reached: () => Promise.resolve(),
      isolating: (group) => this.keepSomeOf(group.slice(1)),
      pause: () => this.pauseSearch(),
    };
  }

  /** Everything that was read is settled. */
  get isEmpty(): boolean {
    return this.suspects.count === 0 && this.reserve.count === 0;
  }

  /** Whether another batch may be delivered. */
  get hasRoom(): boolean {
    return (
      this.suspects.count < this.bounds.maxEvents &&
      this.suspects.bytes < this.bounds.maxBytes &&
      this.ends.length < BATCHES_AHEAD
    );
  }

  /** Until `judge` has something to do; undefined when it has nothing to wait for. */
  get dueInMs(): number | undefined {
    if (this.isEmpty) {
      return undefined;
    }
    const { acceptances } = this.writer;
    const turnInMs = Math.max(0, this.nextTurnAtMs - performance.now());
    const isWaiting =
      this.suspects.unproven(acceptances) === undefined &&
      this.suspects.guilty(acceptances).length === 0;
    const triedInMs = isWaiting
      ? Math.max(turnInMs, this.suspects.dueInMs(acceptances) ?? 0)
      : turnInMs;
    return Math.min(triedInMs, this.reserve.dueInMs(this.keptForMs) ?? Infinity);
  }

  /** Keeps nothing back from now on. */
  drain(): void {
    this.draining = true;
  }

  /** Forgets everything that was read: it is not to be settled here. */
  giveUp(): void {
    this.suspects = new Suspects(this.judgedOverMs);
    this.reserve = new Reserve();
    this.ends = [];
    this.nextTurnAtMs = 0;
    this.neighbours?.giveUp();
  }

  /** Settles the batch but for its suspects, and commits as far as that allows. */
  async deliver({ events, end }: Batch): Promise<void> {
    this.ends = [...this.ends, end];
    this.neighbours?.inHandUntil(end);
    if (this.suspects.count > 0) {
      this.keepSomeOf(this.notStored(events));
    }
    await settleEvents(events, {
      ...this.settlingSteps,
      reached: async (position) => {
        if (this.isEmpty) {
          await this.steps.commit(position);
        }
      },
    });
    await this.commit(end);
  }

  /** Does what is due about the suspects. */
  async judge(): Promise<void> {
    if (this.dueInMs !== 0) {
      return;
    }
    const before = this.firstUnsettled;
    for (const { event, error } of this.suspects.guilty(this.writer.acceptances)) {
      await this.steps.reject(event, error, true);
      this.suspects.settled(event);
    }
    await settleEvents(this.reserve.takeOlderThan(this.keptForMs), this.settlingSteps);
    await this.tryAgain();
    const end = this.ends.at(-1);
    if (this.firstUnsettled !== before && end !== undefined) {
      await this.commit(end);
    }
  }

  private async tryAgain(): Promise<void> {
    const turnInMs = this.nextTurnAtMs - performance.now();
    if (turnInMs > 0) {
      return;
    }
    const { acceptances, suspectsInARow } = this.writer;
    const due = this.suspects.due(acceptances);
    const unproven = this.suspects.unproven(acceptances);
    let pauseMs = TURN_MS;
    if (due.length > 0 && suspectsInARow < DOUBTFUL_AFTER) {
      for (const event of due.slice(0, TRIED_IN_A_TURN)) {
        await this.tryAlone(event);
      }
    } else if (unproven && !(await this.isNeighbourStored())) {
      await this.tryAlone(unproven);
      pauseMs = Math.max(TURN_MS, backoffMs(this.writer.suspectsInARow + 1));
    }
    this.nextTurnAtMs = performance.now() + pauseMs;
  }

  private async isNeighbourStored(): Promise<boolean> {
    const kept = this.reserve.takeOne();
    if (!kept) {
      return this.probe.isNeighbourStored();
    }
    const { acceptances } = this.writer;
    await settleEvents([kept], this.settlingSteps);
    return this.writer.acceptances > acceptances;
  }

  private async tryAlone(event: StoredEvent): Promise<void> {
    let isSettled = true;
    await settleEvents([event], {
      ...this.settlingSteps,
      suspect: (refused, error) => {
        isSettled = false;
        this.settlingSteps.suspect(refused, error);
      },
    });
    if (isSettled) {
      this.suspects.settled(event);
    }
  }

  private keepSomeOf(events: readonly StoredEvent[]): void {
    if (!this.draining) {
      this.reserve.fillFrom(events);
    }
  }

  /** No longer than something is judged. */
  private get keptForMs(): number {
    const isNeeded = this.suspects.count > 0 && !this.draining;
    return isNeeded ? this.judgedOverMs * 2 : 0;
  }

  private notStored(events: readonly StoredEvent[]): readonly StoredEvent[] {
    return this.neighbours?.unstored(events) ?? events;
  }

  /** Quick at first, and slow when nothing shows that the sink takes events at all, as in an outage. */
  private async pauseSearch(): Promise<void> {
    const failures = this.writer.suspectsInARow;
    if (failures === 0) {
      return;
    }
    await this.steps.pause(Math.max(1, failures - UNHURRIED_AFTER));
    if (failures >= UNHURRIED_AFTER) {
      await this.probe.isNeighbourStored();
    }
  }

  private get firstUnsettled(): number | undefined {
    const { first: suspect = Infinity } = this.suspects;
    const first = Math.min(suspect, this.reserve.first ?? Infinity);
    return first === Infinity ? undefined : first;
  }

  private async commit(end: number): Promise<void> {
    const position = this.firstUnsettled ?? end;
    await this.steps.commit(position);
    this.ends = this.ends.filter((later) => later > position);
  }
}
