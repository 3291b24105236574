import type { FastifyRequest } from 'fastify';
import type { DenialReason } from '../../event/reasons.js';
import type { RequestFacts } from '../request-facts.js';
import type { Sender } from './sender.js';

/**
 * Decides on a request before its events are parsed. A step is a line of the catalogue. It throws nothing but an
 * `HttpError`, which refuses the request: none of its events is counted then. What it finds out about the sender, it
 * writes into `facts`; it changes nothing else.
 */
export abstract class AdmissionStep {
  /** What its refusals are counted as. */
  abstract readonly reason: DenialReason;
  /** Whether it looks at the key, or at whose it is. It then waits for a key that the body brings. */
  readonly usesKey: boolean = false;

  /**
   * Runs once for every request, before its body is read: what is refused here costs neither the reading nor memory.
   * A step that uses the key runs after it where the key may be in the body.
   * Decides at once, from what is in memory.
   */
  abstract check(facts: RequestFacts, sender: Sender, request: FastifyRequest): void;

  /**
   * For a step that needs the body.
   * @param body as received, before decompression
   * @returns undefined when there is nothing to wait for
   */
  checkBody?(facts: RequestFacts, sender: Sender, body: Buffer): Promise<void> | undefined;

  /** For what may have changed while the body arrived. Runs directly before the events are parsed, at once. */
  checkAgain?(): void;
}
