import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** Handles a request that expects `100 Continue` as any other: it is asked for its body by the one who reads it. */
export function handleExpecting(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
}

/**
 * Call before a body is read. A client that expects to be asked (RFC 9110, 10.1.1) and gets its answer at once need not
 * send it; Node closes the connection then.
 */
export function askForBody(
  { headers, httpVersionMinor }: IncomingMessage,
  response: ServerResponse,
): void {
  // Every other expectation of HTTP/1.1 was refused.
  if (headers.expect !== undefined && httpVersionMinor > 0) {
    response.writeContinue();
  }
}
