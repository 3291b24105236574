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
  /** A server sent it for its clients: what its own headers say is not about them. */
  readonly isFromServer?: boolean;
}

/**
 * Finds out something that the server knows and the client does not say. A step is a line of the catalogue. Its
 * methods change nothing that they are given, do no I/O, and give the same for the same. They should not throw: an
 * error leaves out what the step would have added, and is counted.
 */
export abstract class EnrichmentStep {
  /** Its label in the metrics. */
  abstract readonly name: string;
  /** One that is off adds nothing, and is not asked. */
  readonly isOn: boolean = true;

  /**
   * What follows from the request alone. Called once a request, and once for each of its events that names a client
   * where a server may do so, with what a request of that client would say.
   * @param before what the steps before this one have found
   * @returns what this one adds; `undefined` for nothing
   */
  abstract ofRequest(facts: RequestFacts, before: Enriched): Enriched | undefined;

  /**
   * What follows from an event, for its `server`: the same object where it is the same as before, which costs nothing
   * more. Called once an event, when it is known to be valid; a step that only looks at requests does not have it.
   * @param request what all steps have found of its request
   */
  ofEvent?(event: Readonly<Fields>, request: Enriched): ServerFields | undefined;

  /** Why the operator does not want an event that has these fields, if so. Asked for events that a server sent. */
  dropOf?(server: ServerFields): DropReason | undefined;
}
