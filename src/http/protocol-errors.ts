import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** An error that is answered before, or instead of, any handler. */
export interface ProtocolError {
  readonly statusCode: number;
  readonly code: string;
  readonly message: string;
}

const MALFORMED: ProtocolError = {
  statusCode: 400,
  code: 'GT_MALFORMED_HTTP',
  message: 'what arrived is not a whole HTTP/1.1 request; send one as RFC 9112 describes',
};

const BY_CODE: Readonly<Record<string, ProtocolError>> = {
  HPE_HEADER_OVERFLOW: {
    statusCode: 431,
    code: 'GT_HEADERS_TOO_LARGE',
    message: 'the request line and headers are too large; send fewer or smaller ones',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    statusCode: 413,
    code: 'GT_CHUNK_EXTENSIONS_TOO_LARGE',
    message: 'the chunk extensions are too large; leave them out',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    statusCode: 408,
    code: 'GT_REQUEST_TIMEOUT',
    message: 'the request did not arrive in time; send it again',
  },
};

export const EXPECTATION_FAILED: ProtocolError = {
  statusCode: 417,
  code: 'GT_EXPECTATION_FAILED',
  message: 'Expect may only ask for 100-continue; leave it out',
};

export const NO_TUNNELS: ProtocolError = {
  statusCode: 405,
  code: 'GT_METHOD_NOT_ALLOWED',
  message: 'CONNECT is not allowed: this is not a proxy',
};

/** @param code of the error that Node's `clientError` event carries */
export function protocolError(code: string | undefined): ProtocolError {
  return BY_CODE[code ?? ''] ?? MALFORMED;
}

export function errorBody({ statusCode, code, message }: ProtocolError): string {
  return JSON.stringify({ statusCode, code, message });
}

/** Writes the error to a connection on which no response is under way, and closes it. */
export function answerAndClose(connection: Duplex, error: ProtocolError, headers = ''): void {
  const body = errorBody(error);
  // After an upgrade or CONNECT nobody else listens: a reset would end the process.
  connection.on('error', () => connection.destroy());
  connection.end(
    `HTTP/1.1 ${error.statusCode} ${STATUS_CODES[error.statusCode]}\r\n` +
      'Content-Type: application/json; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n` +
      `${headers}Connection: close\r\n\r\n${body}`,
    () => connection.destroy(),
  );
}
