import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Registry } from 'prom-client';
import { BucketCounts } from './bucket-counts.js';
import { INSTRUMENTS } from './instruments.js';
import {
  answerAndClose,
  errorBody,
  EXPECTATION_FAILED,
  NO_TUNNELS,
  protocolError,
} from '../http/protocol-errors.js';
import { type MetricSource, pull, pullHistogram } from './pulled-metric.js';

export interface KnownRoute {
  /** Its path, as the router matches it. */
  readonly endpoint: string;
  readonly method: string;
  /** What success answers. */
  readonly status: number;
}

const BEGAN = Symbol('when its request began');
const ENDPOINT = Symbol('endpoint that handles it');
const ANSWERED = Symbol('status written past it');
const LATEST = Symbol('response to the latest request');
const QUEUED = Symbol('responses behind another one');
const FAILED = Symbol('accounted for as failed');

type WatchedResponse = ServerResponse & {
  /** Milliseconds on the monotonic clock; `undefined` once it is counted. */
  [BEGAN]?: number | undefined;
  [ENDPOINT]?: string;
  [ANSWERED]?: number;
};

type WatchedSocket = Socket & {
  /** `undefined` once it is counted and its request has arrived whole. */
  [LATEST]?: WatchedResponse | undefined;
  [QUEUED]?: Set<WatchedResponse>;
  [FAILED]?: true;
};

interface MethodTotals {
  /** Requests by status. */
  readonly statuses: Map<number, number>;
  readonly durations: BucketCounts;
}

const OTHER_ENDPOINT = 'other';
const OTHER_METHOD = 'OTHER';
/** RFC 9110 and RFC 5789. */
const KNOWN_METHODS: ReadonlySet<string | undefined> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
]);

const CLIENT_WENT_AWAY = 499;

/** Says which route handles the request that this response answers. */
export function nameEndpoint(response: ServerResponse, endpoint: string): void {
  (response as WatchedResponse)[ENDPOINT] = endpoint;
}

/**
 * Counts every request that reaches a server, once, whatever becomes of it. It is not enough to watch
 * what is handled: much never reaches a handler, and some never becomes a request.
 */
export class HttpMetrics implements MetricSource {
  private readonly endpoints = new Map<string, Map<string, MethodTotals>>();
  private readonly other = new Map<string, MethodTotals>();

  constructor(routes: readonly KnownRoute[]) {
    for (const { endpoint, method, status } of routes) {
      const methods = this.endpoints.get(endpoint) ?? new Map<string, MethodTotals>();
      this.endpoints.set(endpoint, methods);
      totalsOf(methods, method).statuses.set(status, 0);
    }
    this.endpoints.set(OTHER_ENDPOINT, this.other);
  }

  /** Call before the server listens, and create it with `COUNTED_SERVER_OPTIONS`. */
  watch(server: Server): void {
    const closed = this.closedListener();
    const began = (request: IncomingMessage, response: WatchedResponse): void => {
      response[BEGAN] = performance.now();
      response.on('close', closed);
      const socket: WatchedSocket = request.socket;
      socket[LATEST] = response;
      if (response.socket === null) {
        queueBehind(socket, response, closed);
      }
    };

    // First of all listeners: what Fastify's does is part of the duration.
    server.prependListener('request', began);
    // Without these two listeners Node answers, or hangs up, and tells nobody.
    server.on('checkExpectation', (request, response) => {
      began(request, response);
      response.statusCode = EXPECTATION_FAILED.statusCode;
      response.setHeader('content-type', 'application/json; charset=utf-8');
      response.setHeader('connection', 'close');
      response.end(errorBody(EXPECTATION_FAILED));
    });
    server.on('connect', (_request, connection) => {
      this.count(OTHER_ENDPOINT, 'CONNECT', NO_TUNNELS.statusCode);
      // RFC 9110, 15.5.6: Allow may be empty, but not absent.
      answerAndClose(connection, NO_TUNNELS, 'Allow: \r\n');
    });
    // Before the listener that answers, which changes what is looked at here.
    server.prependListener('clientError', (error, connection) => {
      this.connectionFailed(error, connection as WatchedSocket);
    });
  }

  registerOn(registry: Registry): void {
    pull(registry, INSTRUMENTS.httpRequests, () =>
      this.each((endpoint, method, { statuses }) =>
        Array.from(
          statuses,
          ([status, requests]) => [{ endpoint, method, status: String(status) }, requests] as const,
        ),
      ),
    );
    pullHistogram(registry, INSTRUMENTS.httpDuration, () =>
      this.each((endpoint, method, { durations }) => [[{ endpoint, method }, durations] as const]),
    );
  }

  /** One function for all responses of a server, so that a request does not need one of its own. */
  private closedListener(): (this: WatchedResponse) => void {
    const closed = (response: WatchedResponse): void => this.responseClosed(response);
    return function () {
      closed(this);
    };
  }

  private responseClosed(response: WatchedResponse): void {
    const began = response[BEGAN];
    if (began === undefined) {
      return;
    }
    response[BEGAN] = undefined;

    const request = response.req;
    const socket: WatchedSocket = request.socket;
    socket[QUEUED]?.delete(response);
    if (socket[LATEST] === response && request.complete) {
      socket[LATEST] = undefined;
    }

    const finished = response.writableFinished ? response.statusCode : CLIENT_WENT_AWAY;
    this.count(
      response[ENDPOINT] ?? pathOf(request.url ?? ''),
      request.method,
      response[ANSWERED] ?? finished,
    ).durations.observe((performance.now() - began) / 1000);
  }

  /** Bytes that never became a request are counted here; a request that broke off is counted by its response. */
  private connectionFailed(error: NodeJS.ErrnoException, socket: WatchedSocket): void {
    if (!isRequestFault(error.code) || socket.bytesRead === 0 || socket[FAILED]) {
      return;
    }
    // The rest of what the client sends fails again.
    socket[FAILED] = true;
    const latest = socket[LATEST];
    const { statusCode } = protocolError(error.code);
    if (latest === undefined || latest.req.complete) {
      this.count(OTHER_ENDPOINT, undefined, statusCode);
    } else if (canAnswer(error.code, socket)) {
      latest[ANSWERED] = statusCode;
    }
  }

  private count(endpoint: string, method: string | undefined, status: number): MethodTotals {
    const totals = totalsOf(this.endpoints.get(endpoint) ?? this.other, method);
    totals.statuses.set(status, (totals.statuses.get(status) ?? 0) + 1);
    return totals;
  }

  private *each<T>(
    samples: (endpoint: string, method: string, totals: MethodTotals) => Iterable<T>,
  ): Iterable<T> {
    for (const [endpoint, methods] of this.endpoints) {
      for (const [method, totals] of methods) {
        yield* samples(endpoint, method, totals);
      }
    }
  }
}

/**
 * Answers what is not a request, or stops being one, in JSON and closes the connection. Fastify takes
 * it as its `clientErrorHandler`.
 */
export function answerClientError(error: NodeJS.ErrnoException, connection: Duplex): void {
  // After a failed TLS handshake there is nobody to answer.
  if (isRequestFault(error.code) && canAnswer(error.code, connection as WatchedSocket)) {
    answerAndClose(connection, protocolError(error.code));
  } else if (!connection.writableEnded) {
    connection.destroy();
  }
}

/** What Fastify needs so that no request escapes the count: without it, Node itself answers some of them. */
export const COUNTED_SERVER_OPTIONS = {
  http: { requireHostHeader: false },
  clientErrorHandler: answerClientError,
};

/**
 * Whether the client would take what is written now for the answer to the request that failed: not
 * while an earlier one waits for its own, nor in the middle of a response, nor once the client has hung up.
 */
function canAnswer(code: string | undefined, socket: WatchedSocket): boolean {
  const latest = socket[LATEST];
  if (!socket.writable || (socket[QUEUED]?.size ?? 0) > 0) {
    return false;
  }
  return (
    latest === undefined ||
    (!latest.req.complete && !latest.headersSent && code !== 'HPE_INVALID_EOF_STATE')
  );
}

/** Other errors are the network's. */
function isRequestFault(code: string | undefined): boolean {
  return code !== undefined && (code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT');
}

/**
 * A response that waits for an earlier one on its connection has no socket yet. Node 20 tells it
 * nothing when the connection closes, Node 26 does.
 */
function queueBehind(
  socket: WatchedSocket,
  response: WatchedResponse,
  closed: (this: WatchedResponse) => void,
): void {
  let queued = socket[QUEUED];
  if (!queued) {
    queued = new Set();
    socket[QUEUED] = queued;
    const waiting = queued;
    socket.once('close', () => {
      for (const each of waiting) {
        closed.call(each);
      }
    });
  }
  queued.add(response);
}

function totalsOf(methods: Map<string, MethodTotals>, method: string | undefined): MethodTotals {
  const label = method !== undefined && KNOWN_METHODS.has(method) ? method : OTHER_METHOD;
  let totals = methods.get(label);
  if (!totals) {
    totals = {
      statuses: new Map(),
      durations: new BucketCounts(INSTRUMENTS.httpDuration.buckets),
    };
    methods.set(label, totals);
  }
  return totals;
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}
