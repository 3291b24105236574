import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ErrorAnswer, HttpError, malformedRequest } from './errors.js';
import { canAnswer } from './request-tracker.js';

const NO_TUNNELS: ErrorAnswer = {
  ...new HttpError('GT_METHOD_NOT_ALLOWED').answer(),
  message: 'CONNECT is not allowed: this is not a proxy',
};

/** Without these two listeners, Node answers or hangs up itself, with no body. */
export function answerMalformedRequests(server: Server): void {
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const answer = new HttpError('GT_EXPECTATION_FAILED').answer();
    response.statusCode = answer.statusCode;
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.setHeader('connection', 'close');
    response.end(JSON.stringify(answer));
  });
  server.on('connect', (_request, connection) => {
    // RFC 9110, 15.5.6: Allow may be empty, but not absent.
    answerAndClose(connection, NO_TUNNELS, 'Allow: \r\n');
  });
}

/**
 * Answers bytes that are not a request, or stop being one, in JSON, and closes the connection. Fastify
 * takes it as its `clientErrorHandler`.
 */
export function answerClientError(error: NodeJS.ErrnoException, connection: Duplex): void {
  const malformed = malformedRequest(error.code);
  // After a failed TLS handshake there is nobody to answer.
  if (malformed && canAnswer(error.code, connection as Socket)) {
    answerAndClose(connection, malformed.answer());
  } else if (!connection.writableEnded) {
    connection.destroy();
  }
}

/** Writes the error to a connection on which no response is under way, and closes it. */
function answerAndClose(connection: Duplex, answer: ErrorAnswer, headers = ''): void {
  const body = JSON.stringify(answer);
  // After CONNECT nobody else listens: a reset would end the process.
  connection.on('error', () => connection.destroy());
  connection.end(
    `HTTP/1.1 ${answer.statusCode} ${STATUS_CODES[answer.statusCode]}\r\n` +
      'Content-Type: application/json; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n` +
      `${headers}Connection: close\r\n\r\n${body}`,
    () => connection.destroy(),
  );
}
