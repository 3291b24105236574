import { Inject, Injectable } from '@nestjs/common';
import { InjectOptions } from '../config/inject-options.js';
import { type Fields, isFields } from '../event/fields.js';
import { headerText } from '../event/header-text.js';
import { urlOfQuery } from '../event/page.js';
import { type EventContext, type Prepared, prepareEvent } from '../event/prepare-event.js';
import type { DropReason } from '../event/reasons.js';
import type { Rejection } from '../event/rejection.js';
import { createSanitizer, Sanitizer, textPattern } from '../event/sanitize.js';
import type { EncodedEvent } from '../event/stored-event.js';
import type { EventEndpoint } from '../metrics/pipeline-observer.js';
import type { RejectedElement } from './all-rejected-error.js';
import { AdmissionOptions } from './admission/admission.options.js';
import { KEY_PARAMETER } from './admission/sender.js';
import { Enrichment } from './enrichment/enrichment.js';
import { IngestionOptions } from './ingestion.options.js';
import { MalformedElement } from './malformed-element.js';
import type { RequestFacts } from './request-facts.js';

const KEY_NAME = new RegExp(textPattern(KEY_PARAMETER), 'iu');

/** What the elements of a request have become; nothing is stored yet. */
export interface PreparedRequest {
  /** The valid ones, in order. */
  readonly events: readonly EncodedEvent[];
  /** The others, in order. */
  readonly rejections: readonly Rejection[];
  /** The same, as the client is told. */
  readonly rejected: readonly RejectedElement[];
  /** Why the operator does not want the valid ones, if so. */
  readonly drop: DropReason | undefined;
}

/** Makes stored events of what clients send: with what the server knows, without what the operator strips. */
@Injectable()
export class Preparation {
  /** What hardly any event holds: its cost is that of a look. */
  private readonly keySanitizer: Sanitizer | undefined;

  constructor(
    @InjectOptions(IngestionOptions) private readonly options: IngestionOptions,
    @InjectOptions(AdmissionOptions) { apiKeys }: AdmissionOptions,
    private readonly enrichment: Enrichment,
    @Inject(Sanitizer) private readonly sanitizer: Sanitizer | undefined,
  ) {
    this.keySanitizer = apiKeys && createSanitizer([...options.sanitizeParams, KEY_PARAMETER]);
  }

  ofRequest(
    endpoint: EventEndpoint,
    elements: readonly unknown[],
    facts: RequestFacts,
  ): PreparedRequest {
    const enriched = this.enrichment.ofRequest(facts);
    const context: EventContext = {
      receivedAtMs: facts.receivedAtMs,
      server: enriched.server,
      serverFieldsOf: this.enrichment.ofEvents(enriched),
      userAgent: headerText(facts.headers['user-agent'] ?? ''),
      urlOfQuery: endpoint === '/collect' ? urlOfQuery(facts.query, this.sanitizer) : undefined,
      omitSession: enriched.anonymous ?? false,
      sanitizer: this.sanitizer,
      maxEventBytes: this.options.maxEventBytes,
    };
    const events: EncodedEvent[] = [];
    const rejections: Rejection[] = [];
    const rejected: RejectedElement[] = [];
    for (const [index, element] of elements.entries()) {
      const prepared = this.prepare(element, context);
      if (prepared.rejected === undefined) {
        events.push(prepared.json);
      } else {
        rejections.push(prepared.rejected);
        rejected.push({ index, errors: prepared.rejected.errors });
      }
    }
    return { events, rejections, rejected, drop: enriched.drop };
  }

  /** For an event that was rejected and kept: what its request said is in it. */
  ofKept(event: Fields): Prepared {
    const receivedAtMs = Date.parse(String(event['received_at']));
    const server = isFields(event['server']) ? event['server'] : undefined;
    return this.prepare(event, {
      receivedAtMs: Number.isNaN(receivedAtMs) ? Date.now() : receivedAtMs,
      server,
      serverFieldsOf: this.enrichment.ofEvents({ server }),
      userAgent: undefined,
      omitSession: false,
      sanitizer: this.sanitizer,
      maxEventBytes: this.options.maxEventBytes,
    });
  }

  private prepare(element: unknown, context: EventContext): Prepared {
    if (element instanceof MalformedElement) {
      const error = `the line is not valid JSON: ${element.reason}`;
      return { rejected: { reason: 'malformed', errors: [error], event: undefined } };
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
