import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AnsweringSocket } from './answering-socket.js';
import { type ErrorAnswer, HttpError, malformedRequest } from './errors.js';
import { countAs } from './request-tracker.js';

/** So long the client may continue to send after the last answer: a reset would take the answer from it. */
const LINGER_MS = 2_000;

const NO_TUNNELS: ErrorAnswer = {
  ...new HttpError('GT_METHOD_NOT_ALLOWED').answer(),
  message: 'CONNECT is not allowed: this is not a proxy',
};

/** Connections that have no further requests, since what came last was none. */
const failed = new WeakSet<Duplex>();

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
    // Nobody else listens after CONNECT: a reset would end the process.
    connection.on('error', () => connection.destroy()).resume();
    failed.add(connection);
    // RFC 9110, 15.5.6: Allow may be empty, but not absent.
    answerInTurn(connection as Socket, NO_TUNNELS, 'Allow: \r\n');
  });
}

/**
 * Answers bytes that are not a request, or stop being one, in JSON, once the complete requests before them are
 * answered, and closes the connection. Fastify takes it as its `clientErrorHandler`.
 */
export function answerClientError(error: NodeJS.ErrnoException, connection: Duplex): void {
  const malformed = malformedRequest(error.code);
  if (!malformed) {
    // After a failed TLS handshake there is nobody to answer.
    if (!connection.writableEnded) {
      connection.destroy();
    }
    return;
  }
  // The rest of what the client sends fails again.
  if (!failed.has(connection)) {
    failed.add(connection);
    const hungUp = error.code === 'HPE_INVALID_EOF_STATE';
    answerInTurn(connection as Socket, malformed.answer(), '', hungUp);
  }
}

/** @param hungUp the client has ended in the middle of a request: that one is not answered */
function answerInTurn(
  socket: AnsweringSocket,
  answer: ErrorAnswer,
  headers = '',
  hungUp = false,
): void {
  const { _httpMessage: response } = socket;
  const request = response?.req ?? socket.parser?.incoming;
  if (response && (response.req.complete || response.headersSent)) {
    response.once('close', () => answerInTurn(socket, answer, headers, hungUp));
  } else if (!socket.writable || (response && hungUp)) {
    socket.destroy();
  } else if (response || !request || request.complete) {
    if (response) {
      countAs(response, answer.statusCode);
    }
    close(socket, errorMessage(answer, headers));
  } else {
    // It was answered before its body had arrived.
    close(socket);
  }
}

function close(socket: Socket, lastMessage = ''): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.end(lastMessage);
}

function errorMessage(answer: ErrorAnswer, headers: string): string {
  const body = JSON.stringify(answer);
  return (
    `HTTP/1.1 ${answer.statusCode} ${STATUS_CODES[answer.statusCode]}\r\n` +
    'Content-Type: application/json; charset=utf-8\r\n' +
    `Content-Length: ${Buffer.byteLength(body)}\r\n` +
    `${headers}Connection: close\r\n\r\n${body}`
  );
}
