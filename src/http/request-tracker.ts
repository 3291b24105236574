import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { malformedRequest } from './errors.js';
import { type KnownRoute, withoutQuery } from './routes.js';

/** A request from the end of its headers until it is counted. */
interface TrackedRequest {
  readonly response: ServerResponse;
  /** Milliseconds on the monotonic clock. */
  readonly began: number;
  /** Whether its response had to wait for an earlier one. */
  readonly waited: boolean;
  /** The route that handles it. */
  endpoint: string | undefined;
  /** The status of an answer that was written past its response. */
  answered: number | undefined;
}

interface TrackedConnection {
  /** Requests that are not counted yet, in the order in which they came. */
  readonly open: TrackedRequest[];
  /** The latest request; `undefined` once it is counted and has arrived whole. */
  latest: TrackedRequest | undefined;
  /** Whether a listener counts what still waits when the connection closes. */
  watched: boolean;
  /** Whether bytes that are no request were counted. */
  failed: boolean;
}

/** Takes durations of requests, in seconds. */
export interface Durations {
  observe(seconds: number): void;
}

export interface RequestTotals<D extends Durations> {
  readonly endpoint: string;
  readonly method: string;
  /** Requests by status. */
  readonly statuses: Map<number, number>;
  readonly durations: D;
}

const OTHER_ENDPOINT = 'other';
const OTHER_METHOD = 'OTHER';
/** RFC 9110 and RFC 5789. */
const KNOWN_METHODS: ReadonlySet<string> = new Set([
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
const METHOD_NOT_ALLOWED = 405;

/** By connection, since an entry for each request would cost a multiple in garbage collection. */
const connections = new WeakMap<Socket, TrackedConnection>();

/** Says which route handles the request that this response answers, where its path may not say it. */
export function nameEndpoint(response: ServerResponse, endpoint: string): void {
  const tracked = withoutQuery(response.req.url ?? '') === endpoint ? undefined : find(response);
  if (tracked) {
    tracked.endpoint = endpoint;
  }
}

/** Says the status of an answer that is written past its response. */
export function countAs(response: ServerResponse, status: number): void {
  const tracked = find(response);
  if (tracked) {
    tracked.answered = status;
  }
}

/**
 * Counts every request that reaches a server, once, whatever becomes of it. It is not enough to watch
 * what is handled: much never reaches a handler, and some never becomes a request.
 */
export class RequestTracker<D extends Durations = Durations> {
  private readonly endpoints = new Map<string, Map<string, RequestTotals<D>>>();

  /** @param newDurations makes what takes the durations of a route's method */
  constructor(
    routes: readonly KnownRoute[],
    private readonly newDurations: () => D,
  ) {
    for (const { endpoint } of routes) {
      this.endpoints.set(endpoint, new Map());
    }
    this.endpoints.set(OTHER_ENDPOINT, new Map());
    for (const { endpoint, method, status } of routes) {
      this.totalsOf(endpoint, method).statuses.set(status, 0);
    }
  }

  /** Call before the server listens, and after its other listeners are there: these have to be the first. */
  watch(server: Server): void {
    const closed = this.closedListener();
    const began = ({ socket }: IncomingMessage, response: ServerResponse): void => {
      const connection = trackedConnection(socket);
      const waited = response.socket === null;
      const request: TrackedRequest = {
        response,
        began: performance.now(),
        waited,
        endpoint: undefined,
        answered: undefined,
      };
      connection.open.push(request);
      connection.latest = request;
      response.on('close', closed);
      if (waited) {
        countWaitingOnClose(socket, connection, closed);
      }
    };
    // What Fastify's listener does is part of the duration.
    server.prependListener('request', began);
    server.prependListener('checkExpectation', began);
    server.prependListener('connect', () => {
      this.count(OTHER_ENDPOINT, 'CONNECT', METHOD_NOT_ALLOWED);
    });
    // The listener that answers changes what is looked at here.
    server.prependListener('clientError', (error, connection) => {
      this.connectionFailed(error, connection as Socket);
    });
  }

  *totals(): Iterable<RequestTotals<D>> {
    for (const methods of this.endpoints.values()) {
      yield* methods.values();
    }
  }

  /** One function for all responses of a server, so that a request does not need one of its own. */
  private closedListener(): (this: ServerResponse) => void {
    const closed = (response: ServerResponse): void => this.responseClosed(response);
    return function () {
      closed(this);
    };
  }

  private responseClosed(response: ServerResponse): void {
    const request = response.req;
    const connection = trackedConnection(request.socket);
    const index = indexOf(connection, response);
    const tracked = connection.open[index];
    if (!tracked) {
      return;
    }
    if (index === 0) {
      connection.open.shift();
    } else {
      connection.open.splice(index, 1);
    }
    if (connection.latest === tracked && request.complete) {
      connection.latest = undefined;
    }

    const finished = response.writableFinished ? response.statusCode : CLIENT_WENT_AWAY;
    this.count(
      tracked.endpoint ?? withoutQuery(request.url ?? ''),
      request.method,
      tracked.answered ?? finished,
    ).durations.observe((performance.now() - tracked.began) / 1000);
  }

  /** Bytes that never became a request are counted here; a request that broke off is counted by its response. */
  private connectionFailed(error: NodeJS.ErrnoException, socket: Socket): void {
    const malformed = malformedRequest(error.code);
    if (!malformed || socket.bytesRead === 0) {
      return;
    }
    const connection = trackedConnection(socket);
    // The rest of what the client sends fails again.
    if (connection.failed) {
      return;
    }
    connection.failed = true;
    const { latest } = connection;
    if (latest === undefined || latest.response.req.complete) {
      this.count(OTHER_ENDPOINT, undefined, malformed.statusCode);
    }
  }

  private count(endpoint: string, method: string | undefined, status: number): RequestTotals<D> {
    const totals = this.totalsOf(endpoint, method);
    totals.statuses.set(status, (totals.statuses.get(status) ?? 0) + 1);
    return totals;
  }

  private totalsOf(path: string, method: string = OTHER_METHOD): RequestTotals<D> {
    const usual = this.endpoints.get(path)?.get(method);
    if (usual) {
      return usual;
    }
    const endpoint = this.endpoints.has(path) ? path : OTHER_ENDPOINT;
    const methods = this.endpoints.get(endpoint)!;
    const label = KNOWN_METHODS.has(method) ? method : OTHER_METHOD;
    let totals = methods.get(label);
    if (!totals) {
      totals = { endpoint, method: label, statuses: new Map(), durations: this.newDurations() };
      methods.set(label, totals);
    }
    return totals;
  }
}

function find(response: ServerResponse): TrackedRequest | undefined {
  const connection = connections.get(response.req.socket);
  return connection?.open[indexOf(connection, response)];
}

/** @returns -1 for one that is counted already */
function indexOf({ open }: TrackedConnection, response: ServerResponse): number {
  // Hardly any client sends a request before the last one is answered.
  return open[0]?.response === response ? 0 : open.findIndex((each) => each.response === response);
}

function trackedConnection(socket: Socket): TrackedConnection {
  let tracked = connections.get(socket);
  if (!tracked) {
    tracked = { open: [], latest: undefined, watched: false, failed: false };
    connections.set(socket, tracked);
  }
  return tracked;
}

/**
 * A response that waits for an earlier one on its connection has no socket yet. Node 20 does not close it
 * with the connection, Node 26 does.
 */
function countWaitingOnClose(
  socket: Socket,
  connection: TrackedConnection,
  closed: (this: ServerResponse) => void,
): void {
  if (connection.watched) {
    return;
  }
  connection.watched = true;
  socket.once('close', () => {
    for (const { response } of connection.open.filter(({ waited }) => waited)) {
      closed.call(response);
    }
  });
}
