import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { InjectOptions } from '../config/inject-options.js';
import { headerText } from '../event/header-text.js';
import { urlOfRequest } from '../event/page.js';
import { type EventContext, type Prepared, prepareEvent } from '../event/prepare-event.js';
import type { Rejection } from '../event/rejection.js';
import { createSanitizer, type Sanitizer } from '../event/sanitize.js';
import type { EncodedEvent } from '../event/stored-event.js';
import {
  type EventEndpoint,
  PipelineObserver,
  type RefusalReason,
  type RejectionReason,
} from '../metrics/pipeline-observer.js';
import { EventQueue, QueueFullError, QueueUnavailableError } from '../queueing/event-queue.js';
import { RejectedRing } from './rejected/rejected-ring.js';
import { ClientAddress } from '../http/client-address.js';
import {
  AllRejectedError,
  type ErrorCode,
  IngestionError,
  type RejectedElement,
} from '../http/errors.js';
import { IngestionOptions } from './ingestion.options.js';
import { MalformedElement } from './collect/parse-events.js';
import { privacyOf } from './enrichment/privacy.js';
import { ServerFieldsOfAddress } from './enrichment/address-anonymizer.js';

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

/** The one way in: validates events, makes the valid ones durable, and tells what became of each. */
@Injectable()
export class Intake {
  readonly sanitizer: Sanitizer | undefined;

  constructor(
    @InjectOptions(IngestionOptions) private readonly options: IngestionOptions,
    private readonly clientAddress: ClientAddress,
    private readonly serverFields: ServerFieldsOfAddress,
    private readonly queue: EventQueue,
    private readonly ring: RejectedRing,
    private readonly observer: PipelineObserver,
  ) {
    this.sanitizer = createSanitizer(options.sanitizeParams);
  }

  /**
   * Call before a request's events are parsed: they count as received from then on.
   * @throws IngestionError more waits to be durable than can wait in memory
   */
  letIn(): void {
    if (this.queue.overloaded) {
      throw new IngestionError('GT_BUSY');
    }
  }

  /**
   * @param elements what the client sent, in its order; not validated yet
   * @throws AllRejectedError nothing of it is an event
   * @throws IngestionError the queue takes nothing now
   */
  async take(
    endpoint: EventEndpoint,
    elements: readonly unknown[],
    request: FastifyRequest,
  ): Promise<Outcome> {
    const privacy = privacyOf(request.headers, this.options.privacySignals);
    const context = this.context(endpoint, request, privacy !== 'ignore');
    const events: EncodedEvent[] = [];
    const rejections: Rejection[] = [];
    const rejected: RejectedElement[] = [];
    for (const [index, element] of elements.entries()) {
      const prepared = prepare(element, context);
      if (prepared.rejected === undefined) {
        events.push(prepared.json);
      } else {
        rejections.push(prepared.rejected);
        rejected.push({ index, errors: prepared.rejected.errors });
      }
    }

    const drops = privacy === 'drop';
    if (events.length > 0 && !drops) {
      await this.append(endpoint, events, rejections);
    }
    this.settled(endpoint, rejections, events.length);
    if (drops) {
      this.observer.eventsDropped('privacy_signal', events.length);
    } else {
      this.observer.eventsAccepted(endpoint, events.length);
      this.ring.keep(rejections);
    }
    if (events.length === 0) {
      throw new AllRejectedError(rejected);
    }
    return drops
      ? { accepted: 0, dropped: events.length, rejected }
      : { accepted: events.length, dropped: 0, rejected };
  }

  private context(
    endpoint: EventEndpoint,
    { raw, headers }: FastifyRequest,
    anonymous: boolean,
  ): EventContext {
    const receivedAtMs = Date.now();
    const address = anonymous ? undefined : this.clientAddress.of(raw);
    return {
      receivedAtMs,
      server: address === undefined ? undefined : this.serverFields.at(receivedAtMs, address),
      userAgent: headerText(headers['user-agent'] ?? ''),
      urlOfQuery: endpoint === '/collect' ? urlOfRequest(raw.url ?? '', this.sanitizer) : undefined,
      omitSession: anonymous,
      sanitizer: this.sanitizer,
      maxEventBytes: this.options.maxEventBytes,
    };
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
      this.settled(endpoint, rejections, events.length);
      this.observer.eventsRefused(endpoint, reason ?? 'disk', events.length);
      throw reason === undefined
        ? error
        : new IngestionError(REFUSALS[reason], undefined, { cause: error });
    }
  }

  /** Told together with what became of the valid ones, and not before: so the sums agree at any time. */
  private settled(endpoint: EventEndpoint, rejections: readonly Rejection[], valid: number): void {
    this.observer.eventsReceived(endpoint, rejections.length + valid);
    for (const [reason, count] of countByReason(rejections)) {
      this.observer.eventsRejected(endpoint, reason, count);
    }
  }
}

function prepare(element: unknown, context: EventContext): Prepared {
  return element instanceof MalformedElement
    ? {
        rejected: {
          reason: 'malformed',
          errors: [`the line is not valid JSON: ${element.reason}`],
          event: undefined,
        },
      }
    : prepareEvent(element, context);
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
