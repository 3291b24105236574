import type { IncomingHttpHeaders } from 'node:http';
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
  /** The body may bring the key: `admitKey` has to follow. */
  readonly awaitsKey: boolean;
}

export interface AdmitOptions {
  /** Finds the key of a protocol that has it in more places than `Authorization` and `gt_key`. */
  readonly keyOf?: (headers: IncomingHttpHeaders, query: string) => string | undefined;
  /** A request whose head has no key may have it in its body. */
  readonly keyInBody?: boolean;
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
  admit(request: FastifyRequest, { keyOf, keyInBody = false }: AdmitOptions = {}): Admitted {
    const separated = separateQuery(rawQueryOf(request.raw.url ?? ''));
    const found = senderOf(request.headers, separated);
    const sender =
      keyOf === undefined
        ? found
        : { ...found, key: found.key ?? keyOf(request.headers, separated.query) };
    const facts: RequestFacts = {
      receivedAtMs: Date.now(),
      headers: headersForEvents(request.headers),
      query: separated.query,
      sentAtMs: parseClientTime(separated.sentAt),
      address: this.clientAddress.of(request.raw),
      viaTrustedProxy: this.clientAddress.isFromProxy(request.raw) || undefined,
    };
    const awaitsKey = keyInBody && sender.key === undefined;
    for (const step of this.steps) {
      if (!(awaitsKey && step.usesKey)) {
        this.check(step, facts, sender, request);
      }
    }
    return { facts, sender, awaitsKey };
  }

  /**
   * Call with the key that the body of a request brings, if any.
   * @throws HttpError of the step that refuses it
   */
  admitKey({ facts, sender, awaitsKey }: Admitted, request: FastifyRequest, key?: string): void {
    if (!awaitsKey) {
      return;
    }
    for (const step of this.steps) {
      if (step.usesKey) {
        this.check(step, facts, { ...sender, key }, request);
      }
    }
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

  private check(
    step: AdmissionStep,
    facts: RequestFacts,
    sender: Sender,
    request: FastifyRequest,
  ): void {
    try {
      step.check(facts, sender, request);
    } catch (error) {
      throw this.counted(step.reason, error);
    }
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
