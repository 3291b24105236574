import type { FastifyRequest } from 'fastify';
import { rawQueryOf } from '../../event/query.js';
import type { ClientAddress } from '../../http/client-address.js';
import type { RequestFacts } from '../request-facts.js';
import type { AdmissionStep } from './admission-step.js';

/** Decides whether the events of a request are taken at all. */
export class Admission {
  constructor(
    private readonly clientAddress: ClientAddress,
    private readonly steps: readonly AdmissionStep[],
  ) {}

  /**
   * Call before a request's events are parsed, and once its body is there: they count as received from then on.
   * @param body as received
   * @throws HttpError of the step that refuses it
   */
  admit(request: FastifyRequest, body?: Buffer): RequestFacts {
    const facts: RequestFacts = {
      receivedAtMs: Date.now(),
      headers: request.headers,
      query: rawQueryOf(request.raw.url ?? ''),
      address: this.clientAddress.of(request.raw),
    };
    for (const step of this.steps) {
      step.check(facts, request, body);
    }
    return facts;
  }
}
