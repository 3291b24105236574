import type { FastifyRequest } from 'fastify';
import { parseClientTime } from '../../event/client-time.js';
import type { DenialReason } from '../../event/reasons.js';
import { rawQueryOf } from '../../event/query.js';
import type { ClientAddress } from '../../http/client-address.js';
import { HttpError } from '../../http/errors.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import type { RequestFacts } from '../request-facts.js';
import type { AdmissionStep } from './admission-step.js';
import { type Sender, senderOf, separateQuery, withoutSecrets } from './sender.js';

/** A request that passed all that can be decided without its body. */
export interface Admitted {
  readonly facts: RequestFacts;
  readonly sender: Sender;
}

/** Decides whether the events of a request are taken at all. */
export class Admission {
  constructor(
    private readonly clientAddress: ClientAddress,
    private readonly steps: readonly AdmissionStep[],
    private readonly observer: PipelineObserver,
  ) {}

  /**
   * Call before anything of the request is read.
   * @throws HttpError of the step that refuses it
   */
  admit(request: FastifyRequest): Admitted {
    const separated = separateQuery(rawQueryOf(request.raw.url ?? ''));
    const sender = senderOf(request.headers, separated);
    const facts: RequestFacts = {
      receivedAtMs: Date.now(),
      headers: headersForEvents(request.headers),
      query: separated.query,
      sentAtMs: parseClientTime(separated.sentAt),
      address: this.clientAddress.of(request.raw),
    };
    for (const step of this.steps) {
      try {
        step.check(facts, sender, request);
      } catch (error) {
        throw this.counted(step.reason, error);
      }
    }
    return { facts, sender };
  }

  /**
   * Call with the body as received, before it is decompressed.
   * @throws HttpError of the step that refuses it
   */
  async admitBody({ facts, sender }: Admitted, body: Buffer): Promise<void> {
    for (const step of this.steps) {
      try {
        const checked = step.checkBody?.(facts, sender, body);
        if (checked !== undefined) {
          await checked;
        }
      } catch (error) {
        throw this.counted(step.reason, error);
      }
    }
  }

  /**
   * Call directly before the events are parsed: they count as received from then on.
   * @throws HttpError of the step that refuses them
   */
  begin({ facts }: Admitted): RequestFacts {
    for (const step of this.steps) {
      try {
        step.checkAgain?.();
      } catch (error) {
        throw this.counted(step.reason, error);
      }
    }
    return { ...facts, receivedAtMs: Date.now() };
  }

  private counted(reason: DenialReason, error: unknown): unknown {
    if (error instanceof HttpError) {
      this.observer.requestDenied(reason);
    }
    return error;
  }
}

/** A page whose own address holds a key sends it as the Referer of its pixel. */
function headersForEvents(headers: FastifyRequest['headers']): RequestFacts['headers'] {
  const { referer } = headers;
  const plain = referer === undefined ? undefined : withoutSecrets(referer);
  return plain === referer ? headers : { ...headers, referer: plain };
}
