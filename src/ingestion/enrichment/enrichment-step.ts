import type { Fields } from '../../event/fields.js';
import type { ServerFields } from '../../event/prepare-event.js';
import type { DropReason } from '../../event/reasons.js';
import type { RequestFacts } from '../request-facts.js';

/** What the server adds to the events of a request. */
export interface Enriched {
  /** For `server` of each event. */
  readonly server?: ServerFields | undefined;
  /** The visitor asks not to be tracked: no session, nothing made from the address. */
  readonly anonymous?: boolean;
  /** The operator does not want these events. */
  readonly drop?: DropReason | undefined;
}

/**
 * Finds out something that the server knows and the client does not say. A step is a line of the catalogue. Its
 * methods are pure, do no I/O and never throw: nothing that a client sends may make a step fail its events.
 */
export abstract class EnrichmentStep {
  /**
   * What follows from the request alone. Called once a request, and once for each of its events that names a client
   * where a server may do so, with what a request of that client would say.
   * @param before what the steps before this one have found
   * @returns what this one adds; `undefined` for nothing
   */
  abstract ofRequest(facts: RequestFacts, before: Enriched): Enriched | undefined;

  /**
   * What follows from an event, for its `server`. Called once an event, when it is known to be valid; a step that
   * only looks at requests does not have it.
   * @param request what all steps have found of its request
   */
  ofEvent?(event: Readonly<Fields>, request: Enriched): ServerFields | undefined;
}
