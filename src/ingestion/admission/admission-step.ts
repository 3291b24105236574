import type { FastifyRequest } from 'fastify';
import type { RequestFacts } from '../request-facts.js';

/** Decides on a request before its events are parsed. A step is a line of the catalogue. */
export abstract class AdmissionStep {
  /**
   * Runs on the way of every request, so it decides at once, from what is in memory. What it finds out about the
   * sender, it writes into `facts`.
   * @param body as received, before decompression; undefined for a request without one
   * @throws HttpError the request is refused, and none of its events is counted
   */
  abstract check(facts: RequestFacts, request: FastifyRequest, body: Buffer | undefined): void;
}
