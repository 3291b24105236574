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
import { textPattern } from '../event/parameter-stripper.js';
import type { DropReason } from '../event/reasons.js';
import { createSanitizer, Sanitizer } from '../event/sanitize.js';
import { LONG, type Work } from '../event/work.js';
import type { EventEndpoint } from '../metrics/pipeline-observer.js';
import type { EventLimits } from './collect/parse-events.js';
import type { Removals } from './collect/value-places.js';
import { AdmissionOptions } from './admission/admission.options.js';
import { KEY_PARAMETER } from './admission/sender.js';
import { ClientEvent, takeClient } from './client-event.js';
import { type Elements, LargeElement, PAUSE } from './elements.js';
import { verdictOf } from './enrichment/bot-verdict.js';
import { Enrichment } from './enrichment/enrichment.js';
import { type ContextAndDrop, EventContexts } from './event-contexts.js';
import { IngestionOptions } from './ingestion.options.js';
import { MessageHint } from './message-hint.js';
import { PreparedRequest } from './prepared-request.js';
import type { RequestFacts } from './request-facts.js';
import { EventSchemas } from './schemas/event-schemas.js';
import { UnreadElement } from './unread-element.js';

const KEY_NAME = new RegExp(textPattern(KEY_PARAMETER), 'iu');

/** Events of a small body between two pauses: at its worst, it takes 4 ms in all. */
const STRIDE = 8;
/** A thousand hashes of one event take 2 ms, and so may its schema. */
const LONG_STRIDE = 1;
/** Units of checking: about 0.1 ms. */
const MUCH_CHECKING = 5000;

/** What all events of a request have in common, also those of different clients. */
type ContextOfRequest = Omit<EventContext, 'server' | 'serverFieldsOf' | 'userAgent' | 'anonymous'>;

/** Makes stored events of what clients send: with what the server knows, without what the operator strips. */
@Injectable()
export class Preparation {
  /** What hardly any event holds: its cost is that of a look. */
  private readonly keySanitizer: Sanitizer | undefined;
  private readonly fieldRules: FieldRules | undefined;
  private readonly stride: number;
  private readonly violationOf: EventContext['violationOf'];

  constructor(
    @InjectOptions(IngestionOptions) readonly options: IngestionOptions,
    @InjectOptions(AdmissionOptions) { apiKeys }: AdmissionOptions,
    private readonly enrichment: Enrichment,
    @Inject(Sanitizer) private readonly sanitizer: Sanitizer | undefined,
    private readonly schemas: EventSchemas = EventSchemas.NONE,
  ) {
    this.keySanitizer = apiKeys && createSanitizer([...options.sanitizeParams, KEY_PARAMETER]);
    this.fieldRules = options.fieldRules;
    const takesLong = schemas.isOn || this.fieldRules?.marks !== undefined;
    this.stride = takesLong ? LONG_STRIDE : STRIDE;
    this.violationOf = schemas.isOn ? (event) => schemas.violationOf(event) : undefined;
  }

  /** What the server knows about the events of this request. */
  contextsOf(endpoint: EventEndpoint, facts: RequestFacts): EventContexts {
    const same: ContextOfRequest = {
      receivedAtMs: facts.receivedAtMs,
      sentAtMs: facts.sentAtMs,
      urlOfQuery: endpoint === '/collect' ? urlOfQuery(facts.query, this.sanitizer) : undefined,
      sanitizer: this.sanitizer,
      fieldRules: this.fieldRules,
      maxEventBytes: this.options.maxEventBytes,
      violationOf: this.violationOf,
    };
    return new EventContexts(facts, endpoint, (each) => this.contextOf(each, same));
  }

  /** For the elements of that request. */
  limitsOf(contexts: EventContexts): EventLimits & { readonly removals: Removals } {
    const { options, sanitizer, keySanitizer, fieldRules, schemas } = this;
    return {
      maxBatchEvents: options.maxBatchEvents,
      maxEventBytes: options.maxEventBytes,
      removals: {
        sanitizers: [sanitizer, keySanitizer].filter((one) => one !== undefined),
        // Hardly any body has an element that is so large that somebody asks.
        get visitor() {
          return contexts.shared.context.anonymous;
        },
        fieldRules,
        isChecked: schemas.isOn,
      },
    };
  }

  /** @param elements what the client sent, in its order, and `PAUSE`s; not validated yet */
  *ofRequest(elements: Elements, contexts: EventContexts): Work<PreparedRequest> {
    const isCollect = contexts.endpoint === '/collect';
    const { isFromServer } = contexts;
    const request = new PreparedRequest(contexts.shared.drop, contexts.source);
    const messages = new MessageHint();
    let index = 0;
    for (const element of elements) {
      if (element === PAUSE) {
        yield;
        continue;
      }
      const isLarge = element instanceof LargeElement;
      const value: unknown = isLarge ? element.value : element;
      if (isCollect) {
        messages.look(value, index);
      }
      const event = isCollect ? takeClient(value, isFromServer) : value;
      const { context, drop } = contexts.of(event);
      const prepared = isLarge
        ? yield* this.prepareInPieces(event, context)
        : this.prepare(event, context);
      request.add(index, prepared, drop ?? (isFromServer ? this.dropOf(prepared) : undefined));
      index += 1;
      if (this.schemas.takeWork() > MUCH_CHECKING) {
        yield LONG;
      } else if (index % this.stride === 0) {
        yield;
      }
    }
    request.warnings = [...messages.warnings, ...request.violations.warnings];
    return request;
  }

  /** The same for a single event that the server put together itself. */
  ofOne(event: Fields, contexts: EventContexts): PreparedRequest {
    const { context, drop } = contexts.shared;
    const request = new PreparedRequest(drop, contexts.source);
    const prepared = this.prepare(event, context);
    request.add(0, prepared, contexts.isFromServer ? this.dropOf(prepared) : undefined);
    return request;
  }

  /** For an event that was rejected and kept: what its request said is in it. */
  ofKept(event: Fields): Prepared {
    const receivedAtMs = Date.parse(String(event['received_at']));
    const { hashed, ...server } = isFields(event['server']) ? event['server'] : {};
    // What was looked at has a verdict, unless nobody was to look: then the event alone says what sent it.
    const isFromServer = verdictOf(server) === undefined;
    return this.prepare(takeClient(event, false), {
      receivedAtMs: Number.isNaN(receivedAtMs) ? Date.now() : receivedAtMs,
      server,
      serverFieldsOf: this.enrichment.ofEvents({ server, isFromServer }),
      userAgent: undefined,
      anonymous: false,
      sanitizer: this.sanitizer,
      fieldRules: this.fieldRules?.afterMarks({ hashed }),
      maxEventBytes: this.options.maxEventBytes,
      violationOf: this.violationOf,
    });
  }

  /** Why the operator does not want an event that a server sent, if so. */
  dropOf({ server }: Prepared): DropReason | undefined {
    return server && this.enrichment.dropOf(server);
  }

  private contextOf(facts: RequestFacts, same: ContextOfRequest): ContextAndDrop {
    const enriched = this.enrichment.ofRequest(facts);
    const context: EventContext = {
      ...same,
      server: enriched.server,
      serverFieldsOf: this.enrichment.ofEvents(enriched),
      userAgent: headerText(facts.headers['user-agent'] ?? ''),
      anonymous: enriched.anonymous ?? false,
    };
    return { context, drop: enriched.drop };
  }

  private prepare(element: unknown, context: EventContext): Prepared {
    if (element instanceof UnreadElement) {
      const { reason, error } = element;
      return { rejected: { reason, errors: [error], event: undefined } };
    }
    const raw = element instanceof ClientEvent ? element.fields : element;
    const prepared = prepareEvent(raw, context);
    return withErrorsOf(
      element,
      this.keySanitizer !== undefined && mayHoldKey(prepared)
        ? prepareEvent(raw, { ...context, sanitizer: this.keySanitizer })
        : prepared,
    );
  }

  private *prepareInPieces(element: unknown, context: EventContext): Work<Prepared> {
    const raw = element instanceof ClientEvent ? element.fields : element;
    const prepared = yield* prepareEventInPieces(raw, context);
    return withErrorsOf(
      element,
      this.keySanitizer !== undefined && mayHoldKey(prepared)
        ? yield* prepareEventInPieces(raw, { ...context, sanitizer: this.keySanitizer })
        : prepared,
    );
  }
}

/** What the protocol of an event finds wrong with it says more to its client. */
function withErrorsOf(element: unknown, prepared: Prepared): Prepared {
  return element instanceof ClientEvent &&
    element.errors.length > 0 &&
    prepared.rejected?.reason === 'schema'
    ? { rejected: { ...prepared.rejected, errors: element.errors } }
    : prepared;
}

function mayHoldKey({ json, rejected }: Prepared): boolean {
  return rejected !== undefined || KEY_NAME.test(json.toString('latin1'));
}
