import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Fields } from '../event/fields.js';
import type { RefusalReason } from '../event/reasons.js';
import type { EncodedEvent } from '../event/stored-event.js';
import { type ErrorCode, HttpError } from '../http/errors.js';
import { type EventEndpoint, PipelineObserver } from '../metrics/pipeline-observer.js';
import {
  type EventQueue,
  QueueFullError,
  QueueRefusedError,
  QueueUnavailableError,
} from '../queueing/event-queue.js';
import { AllRejectedError } from './all-rejected-error.js';
import { ParsingTurns } from './body/parsing-turns.js';
import { Preparation } from './preparation.js';
import type { PreparedRequest } from './prepared-request.js';
import { RejectedRing } from './rejected/rejected-ring.js';
import { rejectedLine, type Rejections } from './rejected/rejections.js';
import { TailedQueue } from './tail/tailed-queue.js';
import type { Work } from '../event/work.js';

/** What became of the events of a request. */
export interface Outcome {
  /** Durable. */
  readonly accepted: number;
  /** Valid, and not wanted by the operator. */
  readonly dropped: number;
  readonly rejected: Rejections;
}

const REFUSALS: Record<RefusalReason, ErrorCode> = {
  queue_full: 'GT_QUEUE_FULL',
  disk: 'GT_DISK',
  draining: 'GT_DRAINING',
  queue_away: 'GT_QUEUE_AWAY',
  queue_refused: 'GT_QUEUE_REFUSED',
};

const MIB = 1024 * 1024;
/** What waits beside events for the disk, of all requests: what is told of the others, and their lines in the ring. */
const MAX_HELD_BYTES = 64 * MIB;
/** The lines are the first to give way. */
const MAX_HELD_WITH_LINES = 16 * MIB;

/** The queue may be full, or its disk fail. */
const REPLAY_RETRY_MS = 1000;

/** The one way in: makes events durable, and reports what became of each. */
@Injectable()
export class Intake {
  private heldBytes = 0;

  constructor(
    private readonly turns: ParsingTurns,
    private readonly preparation: Preparation,
    @Inject(TailedQueue) private readonly queue: Pick<EventQueue, 'append' | 'store'>,
    private readonly ring: RejectedRing,
    private readonly observer: PipelineObserver,
  ) {}

  /**
   * Waits for the disk, with thousands of others when it stalls: the caller must not keep what the events were made
   * from.
   * @throws AllRejectedError nothing of it is an event
   * @throws HttpError the queue takes nothing now
   */
  async take(endpoint: EventEndpoint, request: PreparedRequest): Promise<Outcome> {
    const { events, rejections, droppedCount } = request;
    if (events.length > 0) {
      await this.append(endpoint, request);
    }
    this.reportReceived(endpoint, request);
    this.observer.eventsAccepted(endpoint, events.length, request.source);
    for (const [verdict, count] of request.verdicts) {
      this.observer.botsJudged(verdict, count);
    }
    for (const [country, count] of request.countries) {
      this.observer.eventsLocated(country, count);
    }
    if (request.drop === undefined) {
      this.ring.keep(rejections.lines);
    }
    if (events.length + droppedCount === 0) {
      throw new AllRejectedError(rejections);
    }
    return { accepted: events.length, dropped: droppedCount, rejected: rejections };
  }

  /**
   * Validates events again that were rejected and kept. They were reported when they were received. Tries until the
   * queue takes the valid ones; the others are kept as before.
   * @param kept may be parsed as it is read
   * @returns how many are durable now
   * @throws the signal's reason, when it is aborted first: nothing has changed
   */
  async replay(kept: Iterable<Fields>, signal: AbortSignal): Promise<number> {
    const { events, lines } = await this.turns.run(this.prepareKept(kept), Infinity);
    await this.storeRetrying(events, signal);
    this.observer.rejectedReplayed(events.length);
    this.ring.keep(lines);
    return events.length;
  }

  private *prepareKept(kept: Iterable<Fields>): Work<{ events: EncodedEvent[]; lines: Buffer[] }> {
    const events: EncodedEvent[] = [];
    const lines: Buffer[] = [];
    for (const event of kept) {
      const prepared = this.preparation.ofKept(event);
      if (prepared.rejected !== undefined) {
        lines.push(rejectedLine(prepared.rejected));
      } else if (this.preparation.dropOf(prepared) === undefined) {
        events.push(prepared.json);
      }
      yield;
    }
    return { events, lines };
  }

  private async append(endpoint: EventEndpoint, request: PreparedRequest): Promise<void> {
    const { events, rejections } = request;
    const heldBytes = this.hold(rejections);
    try {
      if (this.heldBytes > MAX_HELD_BYTES) {
        throw new QueueFullError();
      }
      await this.queue.append(events);
    } catch (error) {
      const reason = refusalOf(error);
      this.reportReceived(endpoint, request);
      this.observer.eventsRefused(endpoint, reason ?? 'disk', events.length);
      throw reason === undefined
        ? error
        : new HttpError(REFUSALS[reason], undefined, { cause: error });
    } finally {
      this.heldBytes -= heldBytes;
    }
  }

  /** The queue bounds the events that wait for it. What is told and kept of the others is bounded here. */
  private hold(rejections: Rejections): number {
    if (this.heldBytes + rejections.bytes > MAX_HELD_WITH_LINES) {
      this.ring.discarded(rejections.discardLines());
    }
    const { bytes } = rejections;
    this.heldBytes += bytes;
    return bytes;
  }

  private async storeRetrying(events: readonly EncodedEvent[], signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      try {
        await this.queue.store(events);
        return;
      } catch {
        await sleep(REPLAY_RETRY_MS, undefined, { signal });
      }
    }
  }

  /** Call together with the report of what became of the wanted ones, not before: so the sums agree at any time. */
  private reportReceived(endpoint: EventEndpoint, request: PreparedRequest): void {
    const { events, rejections, dropped, droppedCount, violations } = request;
    this.observer.eventsReceived(endpoint, rejections.count + events.length + droppedCount);
    for (const [reason, count] of rejections.byReason) {
      this.observer.eventsRejected(endpoint, reason, count);
    }
    for (const [reason, count] of dropped) {
      this.observer.eventsDropped(reason, count);
    }
    for (const [schema, count] of violations.counts) {
      this.observer.eventSchemaViolated(schema, count);
    }
  }
}

function refusalOf(error: unknown): RefusalReason | undefined {
  if (error instanceof QueueFullError) {
    return 'queue_full';
  }
  if (error instanceof QueueRefusedError) {
    return 'queue_refused';
  }
  return error instanceof QueueUnavailableError ? error.reason : undefined;
}
