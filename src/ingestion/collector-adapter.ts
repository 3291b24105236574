import type { TlsOptions } from 'node:tls';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { createAdapter } from '../http/create-adapter.js';
import type { HttpOptions } from '../http/http.options.js';
import type { RequestTracker } from '../http/request-tracker.js';
import type { RewriteTarget } from './rewrite-target.js';

const DAY_SECONDS = 86_400;
/** Neither browsers nor proxies pipeline. Fewer than the queue lets wait: pipelines alone must not fill it. */
const MAX_PIPELINED_REQUESTS = 1024;

export interface CollectorServer {
  readonly tls?: TlsOptions | undefined;
  readonly tracker?: RequestTracker;
  readonly maxConnections: number;
  readonly rewriteTarget?: RewriteTarget;
  /** How long requests may take to finish once the server closes. */
  readonly closingGraceMs: number;
}

/** The public HTTP server; `BodyReader` reads the bodies. */
export function createCollectorAdapter(
  { corsOrigins, keepAliveTimeoutMs }: HttpOptions,
  { closingGraceMs, ...server }: CollectorServer,
): FastifyAdapter {
  const anyOrigin = corsOrigins.includes('*');
  return createAdapter({
    ...server,
    maxPipelinedRequests: MAX_PIPELINED_REQUESTS,
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    keepAliveTimeoutMs,
    closing: { lingerMs: 1_000, graceMs: closingGraceMs },
    cors: {
      origin: anyOrigin ? '*' : [...corsOrigins],
      credentials: !anyOrigin,
      methods: ['GET', 'HEAD', 'POST'],
      exposedHeaders: ['X-Gotrack-Accepted', 'Retry-After'],
      maxAge: DAY_SECONDS,
      strictPreflight: false,
    },
  });
}
