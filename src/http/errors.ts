/** Seconds. A group commit or a lane's batch takes less: who waits this long finds another state. */
const SOON = 1;
/** Seconds. For what a person or a drained backlog has to mend. */
const LATER = 5;

interface ErrorKind {
  readonly status: number;
  readonly message: string;
  /** Seconds until the same request may succeed. */
  readonly retryAfter?: number;
}

/** Every error that the collector answers with. The codes are stable, the messages are for people. */
export const ERRORS = {
  GT_BAD_REQUEST: { status: 400, message: 'the request cannot be handled' },
  GT_BAD_URL: { status: 400, message: 'the path of the URL is not valid percent-encoding' },
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
  GT_NOT_FOUND: { status: 404, message: 'no such path: events go to POST /collect or GET /px.gif' },
  GT_METHOD_NOT_ALLOWED: {
    status: 405,
    message: 'the path does not answer to this method: see Allow',
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
  GT_INTERNAL: {
    status: 500,
    message: 'an unexpected error; the log of the collector has its cause',
  },
  GT_BUSY: { status: 503, message: 'too many requests are in flight: try again', retryAfter: SOON },
  GT_QUEUE_FULL: {
    status: 503,
    message: 'the queue is full until sinks have drained: try again',
    retryAfter: LATER,
  },
  GT_DISK: { status: 503, message: 'the disk of the queue fails: try again', retryAfter: LATER },
  GT_DRAINING: {
    status: 503,
    message: 'the collector is shutting down: try again',
    retryAfter: SOON,
  },
} as const satisfies Record<`GT_${string}`, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** An error that is answered as it is. */
export class IngestionError extends Error {
  override readonly name: string = 'IngestionError';
  readonly statusCode: number;
  readonly retryAfterSeconds: number | undefined;

  /** @param detail for the client, behind the message of the catalogue; never a piece of the body */
  constructor(
    readonly code: ErrorCode,
    detail?: string,
    options?: ErrorOptions,
  ) {
    const { status, message, retryAfter }: ErrorKind = ERRORS[code];
    super(detail === undefined ? message : `${message}: ${detail}`, options);
    this.statusCode = status;
    this.retryAfterSeconds = retryAfter;
  }

  /** The body of the answer. */
  answer(): Record<string, unknown> {
    return { statusCode: this.statusCode, code: this.code, message: this.message };
  }
}

export function bodyTooLarge(maxBytes: number): IngestionError {
  return new IngestionError('GT_BODY_TOO_LARGE', `at most ${maxBytes} bytes`);
}
