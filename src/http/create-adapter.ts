import type { IncomingMessage, Server, ServerOptions } from 'node:http';
import type { TlsOptions } from 'node:tls';
import cors, { type FastifyCorsOptions } from '@fastify/cors';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { checkHead } from './check-head.js';
import { rememberPeers } from './client-address.js';
import { type ClosingTimes, lingerOnClose } from './close-gracefully.js';
import { sendFrameworkError } from './error-filter.js';
import { handleExpecting } from './expectations.js';
import { limitConnections } from './limit-connections.js';
import { limitPipelines } from './limit-pipelines.js';
import { limitTurns } from './limit-turns.js';
import { answerClientError, answerMalformedRequests } from './malformed-requests.js';
import type { RequestTracker } from './request-tracker.js';

/** Some 300 µs of work: then a new connection and the metrics have their turn. Fewer would cost throughput. */
const MAX_REQUESTS_A_TURN = 8;
const CHECK_INTERVAL_MS = 1_000;
const MAX_HEADER_BYTES = 16 * 1024;
/** Nothing moves for so long on a socket while an answer is under way: its reader has stopped. */
const STALLED_ANSWER_MS = 30_000;

export interface AdapterOptions {
  /** With it, the server speaks TLS only. */
  readonly tls?: TlsOptions | undefined;
  /** Counts the requests. */
  readonly tracker?: RequestTracker | undefined;
  readonly cors?: FastifyCorsOptions;
  /** Gives the target under which a request is routed and counted. */
  readonly rewriteTarget?: ((request: IncomingMessage) => string) | undefined;
  /** So many connections at most; a new one takes the place of an idle one then. */
  readonly maxConnections: number;
  /** So many requests may wait for an earlier one on their connections, over all of them. */
  readonly maxPipelinedRequests: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly closing: ClosingTimes;
}

/**
 * Nest's adapter adds a hook to each response, for an API that nothing here uses. Without one, Fastify need not listen
 * to the response: a thirtieth of a pixel's time.
 */
class Adapter extends FastifyAdapter {
  override setInstance(instance: unknown): void {
    super.setInstance(instance);
    const fastify = instance as { addHook: (name: string, hook: unknown) => unknown };
    const { addHook } = fastify;
    fastify.addHook = (name, hook) => {
      if (name !== 'onResponse') {
        return addHook.call(fastify, name, hook);
      }
      fastify.addHook = addHook;
      return fastify;
    };
  }
}

/**
 * The server that every application uses. Give it to Nest with `bodyParser: false`: bodies are left to
 * those who want them.
 */
export function createAdapter(options: AdapterOptions): FastifyAdapter {
  const { tls, requestTimeoutMs, keepAliveTimeoutMs, rewriteTarget } = options;
  const http = serverOptions(options);
  const adapter = new Adapter({
    ...(tls ? { https: { ...http, ...tls, allowHalfOpen: true } } : { http }),
    requestTimeout: requestTimeoutMs,
    connectionTimeout: STALLED_ANSWER_MS,
    keepAliveTimeout: keepAliveTimeoutMs,
    ...(rewriteTarget && { rewriteUrl: rewriteTarget }),
    // Nothing here is Express middleware.
    skipMiddie: true,
    forceCloseConnections: false,
    // Requests that arrive on open connections while the server closes are still handled.
    return503OnClosing: false,
    logger: false,
    // Nobody reads a request's id; Fastify would make a text for each.
    genReqId: () => '',
    // A protocol that needs its query reads it from the target: Fastify leaves values with a bad escape undecoded.
    routerOptions: { querystringParser: () => ({}) },
    frameworkErrors: sendFrameworkError,
    clientErrorHandler: answerClientError,
  });

  const fastify: FastifyInstance = adapter.getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, _payload, done) => done(null));
  fastify.addHook('onRequest', checkHead);
  if (options.cors) {
    void fastify.register(cors, options.cors);
  }
  prepareServer(fastify, options);
  return adapter;
}

function serverOptions({ headersTimeoutMs, requestTimeoutMs }: AdapterOptions): ServerOptions {
  return {
    headersTimeout: headersTimeoutMs,
    // Fastify sets it again from its own option; this one bounds headersTimeout.
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Node itself would answer a request without Host, with no body, and nobody could count it.
    requireHostHeader: false,
  };
}

/** The order matters: what limits requests goes between the server and Fastify, and the tracker before all of it. */
function prepareServer({ server }: FastifyInstance, options: AdapterOptions): void {
  answerHalfClosed(server);
  rememberPeers(server);
  limitConnections(server, options.maxConnections);
  limitTurns(server, MAX_REQUESTS_A_TURN);
  limitPipelines(server, options.maxPipelinedRequests);
  answerMalformedRequests(server);
  handleExpecting(server);
  options.tracker?.watch(server);
  lingerOnClose(server, options.closing);
}

/**
 * A client that closes its sending half after its requests (RFC 9112, 9.6) gets their answers; then Node closes the
 * connection, and at once where none is under way.
 */
function answerHalfClosed(server: Server): void {
  // Node documents the option `allowHalfOpen` of its sockets only.
  Object.assign(server, { httpAllowHalfOpen: true });
}
