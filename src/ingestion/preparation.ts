import { Inject, Injectable } from '@nestjs/common';
import { InjectOptions } from '../config/inject-options.js';
import type { FieldRules } from '../event/field-rules.js';
import { type Fields, isFields } from '../event/fields.js';
import { headerText } from '../event/header-text.js';
import { urlOfQuery } from '../event/page.js';
import { type EventContext, type Prepared, prepareEvent } from '../event/prepare-event.js';
import type { DropReason } from '../event/reasons.js';
import { createSanitizer, Sanitizer, textPattern } from '../event/sanitize.js';
import type { EncodedEvent } from '../event/stored-event.js';
import type { EventEndpoint } from '../metrics/pipeline-observer.js';
import { AdmissionOptions } from './admission/admission.options.js';
import { KEY_PARAMETER } from './admission/sender.js';
import { ClientEvent, withoutClient } from './client-event.js';
import { Enrichment } from './enrichment/enrichment.js';
import { type ContextAndDrop, EventContexts } from './event-contexts.js';
import { IngestionOptions } from './ingestion.options.js';
import { MessageHint } from './message-hint.js';
import { Rejections } from './rejected/rejections.js';
import type { RequestFacts } from './request-facts.js';
import { UnreadElement } from './unread-element.js';
import { type Elements, PAUSE, type Work } from './work.js';

const KEY_NAME = new RegExp(textPattern(KEY_PARAMETER), 'iu');

/** Events of a small body between two pauses: at its worst, it takes 4 ms in all. */
const STRIDE = 8;
/** A thousand hashes of one event take 2 ms. */
const HASHED_STRIDE = 1;

/** Most requests have none. */
const NO_REJECTIONS = new Rejections();
const NONE_DROPPED: ReadonlyMap<DropReason, number> = new Map();

/** What the elements of a request have become, as bytes; nothing is stored yet. */
export interface PreparedRequest {
  /** The valid ones, in order. */
  readonly events: readonly EncodedEvent[];
  readonly rejections: Rejections;
  /** Why the operator does not want the valid ones, if so. */
  readonly drop: DropReason | undefined;
  /** Valid ones that the operator does not want for what their own clients are; `events` is without them. */
  readonly dropped: ReadonlyMap<DropReason, number>;
  /** For the sender of events that are valid, and perhaps not what was meant. */
  readonly warnings: readonly string[];
  /** The name of the key that the request came with. */
  readonly source: string | undefined;
}

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

  /** @param elements what the client sent, in its order, and `PAUSE`s; not validated yet */
  *ofRequest(
    endpoint: EventEndpoint,
    elements: Elements,
    facts: RequestFacts,
  ): Work<PreparedRequest> {
    const isCollect = endpoint === '/collect';
    const contexts = new EventContexts(facts, endpoint, (each) => this.contextOf(each, isCollect));
    const messages = new MessageHint();
    const events: EncodedEvent[] = [];
    let dropped: Map<DropReason, number> | undefined;
    let rejections: Rejections | undefined;
    let index = 0;
    for (const element of elements) {
      if (element === PAUSE) {
        yield;
        continue;
      }
      if (isCollect) {
        messages.look(element, index);
      }
      const given = isCollect ? withoutClient(element, facts.isFromServer ?? false) : element;
      const { context, drop } = contexts.of(given);
      const prepared = this.prepare(given, context);
      if (prepared.rejected !== undefined) {
        rejections ??= new Rejections();
        rejections.add(index, prepared.rejected);
      } else if (drop === undefined || drop === contexts.shared.drop) {
        events.push(prepared.json);
      } else {
        dropped ??= new Map();
        dropped.set(drop, (dropped.get(drop) ?? 0) + 1);
      }
      index += 1;
      if (index % this.stride === 0) {
        yield;
      }
    }
    return {
      events,
      rejections: rejections ?? NO_REJECTIONS,
      drop: contexts.shared.drop,
      dropped: dropped ?? NONE_DROPPED,
      warnings: messages.warnings,
      source: facts.source,
    };
  }

  /** For an event that was rejected and kept: what its request said is in it. */
  ofKept(event: Fields): Prepared {
    const receivedAtMs = Date.parse(String(event['received_at']));
    const { hashed, ...server } = isFields(event['server']) ? event['server'] : {};
    return this.prepare(event, {
      receivedAtMs: Number.isNaN(receivedAtMs) ? Date.now() : receivedAtMs,
      server,
      serverFieldsOf: this.enrichment.ofEvents({ server }),
      userAgent: undefined,
      anonymous: false,
      sanitizer: this.sanitizer,
      fieldRules: this.fieldRules?.afterMarks({ hashed }),
      maxEventBytes: this.options.maxEventBytes,
    });
  }

  private contextOf(facts: RequestFacts, readsQuery: boolean): ContextAndDrop {
    const enriched = this.enrichment.ofRequest(facts);
    const context: EventContext = {
      receivedAtMs: facts.receivedAtMs,
      sentAtMs: facts.sentAtMs,
      server: enriched.server,
      serverFieldsOf: this.enrichment.ofEvents(enriched),
      userAgent: headerText(facts.headers['user-agent'] ?? ''),
      urlOfQuery: readsQuery ? urlOfQuery(facts.query, this.sanitizer) : undefined,
      anonymous: enriched.anonymous ?? false,
      sanitizer: this.sanitizer,
      fieldRules: this.fieldRules,
      maxEventBytes: this.options.maxEventBytes,
    };
    return { context, drop: enriched.drop };
  }

  private prepare(element: unknown, context: EventContext): Prepared {
    if (element instanceof UnreadElement) {
      const { reason, error } = element;
      return { rejected: { reason, errors: [error], event: undefined } };
    }
    if (element instanceof ClientEvent) {
      const { fields, errors } = element;
      const prepared = this.prepare(fields, context);
      return prepared.rejected?.reason === 'schema' && errors.length > 0
        ? { rejected: { ...prepared.rejected, errors } }
        : prepared;
    }
    const prepared = prepareEvent(element, context);
    return this.keySanitizer !== undefined && mayHoldKey(prepared)
      ? prepareEvent(element, { ...context, sanitizer: this.keySanitizer })
      : prepared;
  }
}

function mayHoldKey({ json, rejected }: Prepared): boolean {
  return rejected !== undefined || KEY_NAME.test(json.toString('latin1'));
}
