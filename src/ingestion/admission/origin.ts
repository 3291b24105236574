import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { InjectOptions } from '../../config/inject-options.js';
import { HttpError } from '../../http/errors.js';
import { HttpOptions } from '../../http/http.options.js';
import type { RequestFacts } from '../request-facts.js';
import { AdmissionStep } from './admission-step.js';
import type { Sender } from './sender.js';

/**
 * Refuses pages of origins that CORS_ORIGINS does not list. A browser says in `Origin` which page posts, and in
 * `Referer` which page shows a pixel; what says nothing passes, since servers and older browsers don't.
 */
@Injectable()
export class Origin extends AdmissionStep {
  override readonly reason = 'origin';
  private readonly listed: ReadonlySet<string>;

  constructor(@InjectOptions(HttpOptions) { corsOrigins }: HttpOptions) {
    super();
    this.listed = new Set(corsOrigins);
  }

  override check(_facts: RequestFacts, _sender: Sender, { method, headers }: FastifyRequest): void {
    if (this.listed.has('*')) {
      return;
    }
    const origin = method === 'POST' ? headers.origin : originOfPage(headers.referer);
    if (origin !== undefined && !this.listed.has(origin)) {
      throw new HttpError('GT_ORIGIN');
    }
  }
}

/** `null` for an address that has no origin, as browsers write it. */
function originOfPage(referer: string | undefined): string | undefined {
  return referer ? (URL.parse(referer)?.origin ?? 'null') : undefined;
}
