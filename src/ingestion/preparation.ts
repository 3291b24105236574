import { Inject, Injectable } from '@nestjs/common';
import { InjectOptions } from '../config/inject-options.js';
import type { FieldRules } from '../event/field-rules.js';
import { type Fields, isFields } from '../event/fields.js';
import { headerText } from '../event/header-text.js';
import { urlOfQuery } from '../event/page.js';
import {
  type EventContext,
  type Prepared,
  prepareEvent,
  prepareEventInPieces,
} from '../event/prepare-event.js';
import type { DropReason } from '../event/reasons.js';
import { textPattern } from '../event/parameter-stripper.js';
import { createSanitizer, Sanitizer } from '../event/sanitize.js';
import type { EventEndpoint } from '../metrics/pipeline-observer.js';
import type { EventLimits } from './collect/parse-events.js';
import { AdmissionOptions } from './admission/admission.options.js';
import { KEY_PARAMETER } from './admission/sender.js';
import { verdictOf } from './enrichment/bot-verdict.js';
import { Enrichment } from './enrichment/enrichment.js';
import type { Enriched } from './enrichment/enrichment-step.js';
import { IngestionOptions } from './ingestion.options.js';
import { factsOfServer, takeClient } from './named-client.js';
import { PreparedRequest } from './prepared-request.js';
import type { RequestFacts } from './request-facts.js';
import { UnreadElement } from './unread-element.js';
import type { Work } from '../event/work.js';
import { type Elements, LargeElement, PAUSE } from './elements.js';

const KEY_NAME = new RegExp(textPattern(KEY_PARAMETER), 'iu');

/** Events of a small body between two pauses: at its worst, it takes 4 ms in all. */
const STRIDE = 8;
/** A thousand hashes of one event take 2 ms. */
const HASHED_STRIDE = 1;

/** What follows from who the client is. */
type ContextOfClient = Pick<EventContext, 'server' | 'serverFieldsOf' | 'userAgent' | 'anonymous'>;

/** Makes stored events of what clients send: with what the server knows, without what the operator strips. */
@Injectable()
export class Preparation {
  /** What hardly any event holds: its cost is that of a look. */
  private readonly keySanitizer: Sanitizer | undefined;
  private readonly fieldRules: FieldRules | undefined;
  private readonly stride: number;

  constructor(
    @InjectOptions(IngestionOptions) readonly options: IngestionOptions,
    @InjectOptions(AdmissionOptions) { apiKeys }: AdmissionOptions,
    private readonly enrichment: Enrichment,
    @Inject(Sanitizer) private readonly sanitizer: Sanitizer | undefined,
  ) {
    this.keySanitizer = apiKeys && createSanitizer([...options.sanitizeParams, KEY_PARAMETER]);
    this.fieldRules = options.fieldRules;
    this.stride = this.fieldRules?.marks === undefined ? STRIDE : HASHED_STRIDE;
  }

  /** For the elements of this request. */
  limitsOf(facts: RequestFacts): EventLimits {
    const { options, enrichment, sanitizer, keySanitizer, fieldRules } = this;
    return {
      maxBatchEvents: options.maxBatchEvents,
      maxEventBytes: options.maxEventBytes,
      removals: {
        sanitizers: [sanitizer, keySanitizer].filter((one) => one !== undefined),
        // Hardly any body has an element that is so large that somebody asks.
        get visitor() {
          return enrichment.ofRequest(facts).anonymous ?? false;
        },
        fieldRules,
      },
    };
  }

  /** @param elements what the client sent, in its order, and `PAUSE`s; not validated yet */
  *ofRequest(
    endpoint: EventEndpoint,
    elements: Elements,
    facts: RequestFacts,
  ): Work<PreparedRequest> {
    const known = facts.isFromServer ? factsOfServer(facts) : facts;
    const enriched = this.enrichment.ofRequest(known);
    const context: EventContext = {
      receivedAtMs: facts.receivedAtMs,
      sentAtMs: facts.sentAtMs,
      ...this.contextOf(known, enriched),
      urlOfQuery: endpoint === '/collect' ? urlOfQuery(facts.query, this.sanitizer) : undefined,
      sanitizer: this.sanitizer,
      fieldRules: this.fieldRules,
      maxEventBytes: this.options.maxEventBytes,
    };
    const request = new PreparedRequest(enriched.drop, facts.source);
    let index = 0;
    for (const element of elements) {
      if (element === PAUSE) {
        yield;
        continue;
      }
      const prepared =
        element instanceof LargeElement
          ? yield* this.prepareInPieces(element.value, context, known)
          : this.prepare(element, context, known);
      request.add(index, prepared, enriched.isFromServer ? this.dropOf(prepared) : undefined);
      index += 1;
      if (index % this.stride === 0) {
        yield;
      }
    }
    return request;
  }

  /** For an event that was rejected and kept: what its request said is in it. */
  ofKept(event: Fields): Prepared {
    const receivedAtMs = Date.parse(String(event['received_at']));
    const { hashed, ...server } = isFields(event['server']) ? event['server'] : {};
    // What was looked at has a verdict, unless nobody was to look: then the event alone says what sent it.
    const isFromServer = verdictOf(server) === undefined;
    return this.prepare(event, {
      receivedAtMs: Number.isNaN(receivedAtMs) ? Date.now() : receivedAtMs,
      server,
      serverFieldsOf: this.enrichment.ofEvents({ server, isFromServer }),
      userAgent: undefined,
      anonymous: false,
      sanitizer: this.sanitizer,
      fieldRules: this.fieldRules?.afterMarks({ hashed }),
      maxEventBytes: this.options.maxEventBytes,
    });
  }

  /** Why the operator does not want an event that a server sent, if so. */
  dropOf({ server }: Prepared): DropReason | undefined {
    return server && this.enrichment.dropOf(server);
  }

  private contextOf(facts: RequestFacts, enriched: Enriched): ContextOfClient {
    return {
      server: enriched.server,
      serverFieldsOf: this.enrichment.ofEvents(enriched),
      userAgent: headerText(facts.headers['user-agent'] ?? ''),
      anonymous: enriched.anonymous ?? false,
    };
  }

  /** @param facts what is known of its request, unless it was kept */
  private prepare(element: unknown, given: EventContext, facts?: RequestFacts): Prepared {
    if (element instanceof UnreadElement) {
      const { reason, error } = element;
      return { rejected: { reason, errors: [error], event: undefined } };
    }
    const context = this.contextInside(element, given, facts);
    const prepared = prepareEvent(element, context);
    return this.keySanitizer !== undefined && mayHoldKey(prepared)
      ? prepareEvent(element, { ...context, sanitizer: this.keySanitizer })
      : prepared;
  }

  private *prepareInPieces(
    element: unknown,
    given: EventContext,
    facts: RequestFacts,
  ): Work<Prepared> {
    const context = this.contextInside(element, given, facts);
    const prepared = yield* prepareEventInPieces(element, context);
    return this.keySanitizer !== undefined && mayHoldKey(prepared)
      ? yield* prepareEventInPieces(element, { ...context, sanitizer: this.keySanitizer })
      : prepared;
  }

  /** For the client that the element names, if it may. */
  private contextInside(
    element: unknown,
    given: EventContext,
    facts: RequestFacts | undefined,
  ): EventContext {
    const client = takeClient(element, facts);
    return client === undefined
      ? given
      : { ...given, ...this.contextOf(client, this.enrichment.ofRequest(client)) };
  }
}

function mayHoldKey({ json, rejected }: Prepared): boolean {
  return rejected !== undefined || KEY_NAME.test(json.toString('latin1'));
}
