import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Fields } from '../event/fields.js';
import type { RefusalReason, RejectionReason } from '../event/reasons.js';
import type { Rejection } from '../event/rejection.js';
import type { EncodedEvent } from '../event/stored-event.js';
import { type ErrorCode, HttpError } from '../http/errors.js';
import { type EventEndpoint, PipelineObserver } from '../metrics/pipeline-observer.js';
import { EventQueue, QueueFullError, QueueUnavailableError } from '../queueing/event-queue.js';
import { AllRejectedError, type RejectedElement } from './all-rejected-error.js';
import { Preparation } from './preparation.js';
import { RejectedRing } from './rejected/rejected-ring.js';
import type { RequestFacts } from './request-facts.js';

/** What became of the events of a request. */
export interface Outcome {
  /** Durable. */
  readonly accepted: number;
  /** Valid, and not wanted by the operator. */
  readonly dropped: number;
  readonly rejected: readonly RejectedElement[];
}

const REFUSALS: Record<RefusalReason, ErrorCode> = {
  queue_full: 'GT_QUEUE_FULL',
  disk: 'GT_DISK',
  draining: 'GT_DRAINING',
};

/** The queue may be full, or its disk fail. */
const REPLAY_RETRY_MS = 1000;

/** The one way in: validates events, makes the valid ones durable, and reports what became of each. */
@Injectable()
export class Intake {
  constructor(
    private readonly preparation: Preparation,
    private readonly queue: EventQueue,
    private readonly ring: RejectedRing,
    private readonly observer: PipelineObserver,
  ) {}

  /**
   * @param elements what the client sent, in its order; not validated yet
   * @param facts of the request, as `Admission` gives them
   * @throws AllRejectedError nothing of it is an event
   * @throws HttpError the queue takes nothing now
   */
  async take(
    endpoint: EventEndpoint,
    elements: readonly unknown[],
    facts: RequestFacts,
  ): Promise<Outcome> {
    const { events, rejections, rejected, drop } = this.preparation.ofRequest(
      endpoint,
      elements,
      facts,
    );
    if (events.length > 0 && drop === undefined) {
      await this.append(endpoint, events, rejections);
    }
    this.reportReceived(endpoint, rejections, events.length);
    if (drop === undefined) {
      this.observer.eventsAccepted(endpoint, events.length, facts.source);
      this.ring.keep(rejections);
    } else {
      this.observer.eventsDropped(drop, events.length);
    }
    if (events.length === 0) {
      throw new AllRejectedError(rejected);
    }
    return drop === undefined
      ? { accepted: events.length, dropped: 0, rejected }
      : { accepted: 0, dropped: events.length, rejected };
  }

  /**
   * Validates events again that were rejected and kept. They were reported when they were received. Tries until the
   * queue takes the valid ones; the others are kept as before.
   * @returns how many are durable now
   * @throws the signal's reason, when it is aborted first: nothing has changed
   */
  async replay(kept: readonly Fields[], signal: AbortSignal): Promise<number> {
    const events: EncodedEvent[] = [];
    const rejections: Rejection[] = [];
    for (const event of kept) {
      const { json, rejected } = this.preparation.ofKept(event);
      if (rejected === undefined) {
        events.push(json);
      } else {
        rejections.push(rejected);
      }
    }
    await this.appendRetrying(events, signal);
    this.observer.rejectedReplayed(events.length);
    this.ring.keep(rejections);
    return events.length;
  }

  private async append(
    endpoint: EventEndpoint,
    events: readonly EncodedEvent[],
    rejections: readonly Rejection[],
  ): Promise<void> {
    try {
      await this.queue.append(events);
    } catch (error) {
      const reason = refusalOf(error);
      this.reportReceived(endpoint, rejections, events.length);
      this.observer.eventsRefused(endpoint, reason ?? 'disk', events.length);
      throw reason === undefined
        ? error
        : new HttpError(REFUSALS[reason], undefined, { cause: error });
    }
  }

  private async appendRetrying(
    events: readonly EncodedEvent[],
    signal: AbortSignal,
  ): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      try {
        await this.queue.append(events);
        return;
      } catch {
        await sleep(REPLAY_RETRY_MS, undefined, { signal });
      }
    }
  }

  /** Call together with the report of what became of the valid ones, not before: so the sums agree at any time. */
  private reportReceived(
    endpoint: EventEndpoint,
    rejections: readonly Rejection[],
    valid: number,
  ): void {
    this.observer.eventsReceived(endpoint, rejections.length + valid);
    for (const [reason, count] of countByReason(rejections)) {
      this.observer.eventsRejected(endpoint, reason, count);
    }
  }
}

function refusalOf(error: unknown): RefusalReason | undefined {
  if (error instanceof QueueFullError) {
    return 'queue_full';
  }
  return error instanceof QueueUnavailableError ? error.reason : undefined;
}

function countByReason(rejections: readonly Rejection[]): ReadonlyMap<RejectionReason, number> {
  const counts = new Map<RejectionReason, number>();
  for (const { reason } of rejections) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return counts;
}
