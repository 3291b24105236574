import type { ServerOptions } from 'node:http';
import type { TlsOptions } from 'node:tls';
import cors from '@fastify/cors';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyServerOptions } from 'fastify';
import { boundConnections } from './limit-connections.js';
import { boundPipelines } from './limit-pipelines.js';
import { boundTurns } from './limit-turns.js';
import { refuseOldVersions, sendFrameworkError } from './error-filter.js';
import type { HttpOptions } from './http.options.js';
import { lingerOnClose } from './close-gracefully.js';

const DAY_SECONDS = 86_400;
/** Neither browsers nor proxies pipeline. Fewer than the queue lets wait: pipelines alone must not fill it. */
const MAX_PIPELINED_REQUESTS = 1024;
/** Some 300 µs of work: then a new connection and the metrics have their turn. Fewer would cost throughput. */
const MAX_REQUESTS_A_TURN = 8;

export interface CollectorServer {
  /** What the one who counts requests needs of the server. */
  readonly http?: ServerOptions;
  /** With it, the server speaks TLS only. */
  readonly tls?: TlsOptions | undefined;
  /** Answers what is no HTTP. */
  readonly clientErrorHandler?: NonNullable<FastifyServerOptions['clientErrorHandler']>;
  /** So many connections at most; a new one takes the place of an idle one then. */
  readonly maxConnections: number;
  /** How long requests may take to finish once the server closes. */
  readonly closingGraceMs: number;
}

/** The public HTTP server. Give it to Nest with `bodyParser: false`: `BodyReader` reads bodies. */
export function createCollectorAdapter(
  { corsOrigins }: HttpOptions,
  { http, tls, clientErrorHandler, maxConnections, closingGraceMs }: CollectorServer,
): FastifyAdapter {
  const requestTimeoutMs = 30_000;
  const serverOptions: ServerOptions = {
    ...http,
    headersTimeout: 10_000,
    // Fastify sets it anew from its own option; this one bounds headersTimeout.
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: 1_000,
    maxHeaderSize: 16 * 1024,
  };
  const adapter = new FastifyAdapter({
    ...(tls ? { https: { ...serverOptions, ...tls } } : { http: serverOptions }),
    requestTimeout: requestTimeoutMs,
    // Of a socket on which nothing moves while an answer is under way: its reader has stopped.
    connectionTimeout: 30_000,
    // Above the 60 s that balancers keep a connection: the server must not be the first to close.
    keepAliveTimeout: 65_000,
    // Nothing here is Express middleware.
    skipMiddie: true,
    forceCloseConnections: false,
    // Requests that arrive on open connections while the server closes are still handled.
    return503OnClosing: false,
    logger: false,
    // Nobody reads a request's id; Fastify would make a text for each.
    genReqId: () => '',
    // The pixel reads its query it from the target: Fastify leaves values with a bad escape undecoded.
    routerOptions: { querystringParser: () => ({}) },
    frameworkErrors: sendFrameworkError,
    ...(clientErrorHandler && { clientErrorHandler }),
  });

  const fastify = adapter.getInstance();
  boundConnections(fastify.server, maxConnections);
  boundTurns(fastify.server, MAX_REQUESTS_A_TURN);
  boundPipelines(fastify.server, MAX_PIPELINED_REQUESTS);
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, _payload, done) => done(null));
  const anyOrigin = corsOrigins.includes('*');
  fastify.addHook('onRequest', refuseOldVersions);
  void fastify.register(cors, {
    origin: anyOrigin ? '*' : [...corsOrigins],
    credentials: !anyOrigin,
    methods: ['GET', 'HEAD', 'POST'],
    exposedHeaders: ['X-Gotrack-Accepted', 'Retry-After'],
    maxAge: DAY_SECONDS,
    strictPreflight: false,
  });
  lingerOnClose(fastify.server, { lingerMs: 1_000, graceMs: closingGraceMs });
  return adapter;
}
