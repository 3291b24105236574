/** Seconds. A group commit or a lane's batch takes less: a client that waits this long finds another state. */
const SOON = 1;
/** Seconds. For what a person or a drained backlog has to fix. */
const LATER = 5;

export interface ErrorKind {
  readonly status: number;
  readonly message: string;
  /** Seconds until the same request may succeed. */
  readonly retryAfter?: number;
  /** What a 401 asks for, in WWW-Authenticate. */
  readonly challenge?: string;
}

/** Every error that a server of ours answers with. The codes are stable, the messages are for people. */
export const ERRORS = {
  GT_BAD_REQUEST: { status: 400, message: 'the request cannot be handled' },
  GT_BAD_URL: { status: 400, message: 'the path of the URL is not valid percent-encoding' },
  GT_UNENCODED_URL: {
    status: 400,
    message:
      'the URL holds a character that no URL may hold as it is, such as raw UTF-8: percent-encode it',
  },
  GT_HOST: { status: 400, message: 'HTTP/1.1 needs one Host header, no fewer and no more' },
  GT_ABORTED: { status: 400, message: 'the body ended before its announced end' },
  GT_EMPTY_BODY: {
    status: 400,
    message: 'the body is empty: send an event, an array of events or NDJSON',
  },
  GT_BAD_ENCODING: {
    status: 400,
    message: 'Content-Encoding must be one of gzip, deflate, br, identity',
  },
  GT_CORRUPT_BODY: {
    status: 400,
    message: 'the compressed body is damaged, truncated or not what Content-Encoding says',
  },
  GT_MALFORMED_JSON: { status: 400, message: 'the body is not valid JSON' },
  GT_NOT_AN_EVENT: { status: 400, message: 'the body must be an event object or an array of them' },
  GT_NO_EVENTS: { status: 400, message: 'the body holds no events' },
  GT_ALL_REJECTED: {
    status: 400,
    message: 'every event is invalid, nothing was stored: see rejected',
  },
  GT_MALFORMED_HTTP: {
    status: 400,
    message: 'what arrived is not a whole HTTP/1.1 request; send one as RFC 9112 describes',
  },
  GT_QUEUE_REFUSED: {
    status: 400,
    message:
      "the queue's topic refuses an event of this request for what it contains or how large it is; others of the request may be stored",
  },
  GT_UNAUTHORIZED: {
    status: 401,
    message:
      'the metrics need the token of METRICS_BEARER_TOKEN; send it as Authorization: Bearer …',
  },
  GT_UNKNOWN_SENDER: {
    status: 401,
    message:
      'the key or the signature is missing or not valid; send a key as Authorization: Bearer …, or sign the body in X-GoTrack-HMAC',
    challenge: 'Bearer realm="gotrack"',
  },
  GT_ORIGIN: {
    status: 403,
    message: 'CORS_ORIGINS does not list the origin of this page; add it there',
  },
  GT_NOT_FOUND: { status: 404, message: 'no such path' },
  GT_METHOD_NOT_ALLOWED: {
    status: 405,
    message: 'the path does not answer to this method: see Allow',
  },
  GT_REQUEST_TIMEOUT: {
    status: 408,
    message: 'the request did not arrive in time; send it again',
  },
  GT_CHUNK_EXTENSIONS_TOO_LARGE: {
    status: 413,
    message: 'the chunk extensions are too large; leave them out',
  },
  GT_BODY_TOO_LARGE: {
    status: 413,
    message: 'the body is over MAX_BODY_BYTES: send fewer events a request',
  },
  GT_TOO_MANY_EVENTS: {
    status: 413,
    message: 'more events than MAX_BATCH_EVENTS: send fewer a request',
  },
  GT_UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    message: 'Content-Type must be application/json, text/plain or application/x-ndjson, in UTF-8',
  },
  GT_EXPECTATION_FAILED: {
    status: 417,
    message: 'Expect may only ask for 100-continue; leave it out',
  },
  GT_RATE_LIMIT: {
    status: 429,
    message: 'more requests than this client or its key may send: wait as Retry-After says',
  },
  GT_HEADERS_TOO_LARGE: {
    status: 431,
    message: 'the request line and headers are too large; send fewer or smaller ones',
  },
  GT_INTERNAL: {
    status: 500,
    message: 'an unexpected error; the log of the collector has its cause',
  },
  GT_METRICS_FAILED: {
    status: 500,
    message: 'metrics could not be rendered; the log says why',
  },
  GT_TRANSFER_ENCODING: {
    status: 501,
    message: 'Transfer-Encoding may only be chunked; compress with Content-Encoding',
  },
  GT_BUSY: { status: 503, message: 'too many requests are in flight: try again', retryAfter: SOON },
  GT_QUEUE_FULL: {
    status: 503,
    message: 'the queue is full until sinks have drained: try again',
    retryAfter: LATER,
  },
  GT_QUEUE_AWAY: {
    status: 503,
    message:
      'the queue does not confirm in time; what was sent may be delivered all the same: try again',
    retryAfter: LATER,
  },
  GT_DISK: { status: 503, message: 'the disk of the queue fails: try again', retryAfter: LATER },
  GT_DRAINING: {
    status: 503,
    message: 'the collector is shutting down: try again',
    retryAfter: SOON,
  },
  GT_TOO_MANY_SCRAPES: {
    status: 503,
    message: 'more scrapes are not served at once, scrape less often',
    retryAfter: SOON,
  },
} as const satisfies Record<`GT_${string}`, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorAnswer {
  readonly statusCode: number;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface HttpErrorOptions extends ErrorOptions {
  /** Where it is known better than the catalogue does. */
  readonly retryAfterSeconds?: number;
}

/** An error that is answered as it is. */
export class HttpError extends Error {
  override readonly name: string = 'HttpError';
  readonly statusCode: number;
  readonly retryAfterSeconds: number | undefined;
  readonly challenge: string | undefined;

  /** @param detail for the client, after the message of the catalogue; never a piece of the body */
  constructor(
    readonly code: ErrorCode,
    detail?: string,
    options?: HttpErrorOptions,
  ) {
    const { status, message, retryAfter, challenge }: ErrorKind = ERRORS[code];
    super(detail === undefined ? message : `${message}: ${detail}`, options);
    this.statusCode = status;
    this.retryAfterSeconds = options?.retryAfterSeconds ?? retryAfter;
    this.challenge = challenge;
  }

  /** The body of the answer. */
  answer(): ErrorAnswer {
    return { statusCode: this.statusCode, code: this.code, message: this.message };
  }
}

export function bodyTooLarge(maxBytes: number): HttpError {
  return new HttpError('GT_BODY_TOO_LARGE', `at most ${maxBytes} bytes`);
}

const MALFORMED: Readonly<Record<string, ErrorCode>> = {
  HPE_INVALID_URL: 'GT_UNENCODED_URL',
  HPE_INVALID_TRANSFER_ENCODING: 'GT_TRANSFER_ENCODING',
  HPE_HEADER_OVERFLOW: 'GT_HEADERS_TOO_LARGE',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'GT_CHUNK_EXTENSIONS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'GT_REQUEST_TIMEOUT',
};

/**
 * @param code of the error that Node's `clientError` event carries
 * @returns `undefined` for an error of the network
 */
export function malformedRequest(code: string | undefined): HttpError | undefined {
  return code !== undefined && (code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT')
    ? new HttpError(MALFORMED[code] ?? 'GT_MALFORMED_HTTP')
    : undefined;
}
