import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { interpose } from './interpose.js';

/**
 * Begins at most `max` requests in a turn of the event loop; the others wait for the next turns, in order. Node
 * accepts one connection a turn, and everybody else on this thread has one turn in it, too: while thousands of
 * connections send at once, their requests would make a single turn of a second. Give it the server once its handler
 * listens for requests.
 */
export function limitTurns(server: Server, max: number): void {
  const waiting: (readonly [IncomingMessage, ServerResponse])[] = [];
  let begun = 0;

  interpose(server, (handle) => {
    const begin = (request: IncomingMessage, response: ServerResponse): void => {
      if (begun === 0) {
        setImmediate(nextTurn);
      }
      begun += 1;
      // A client that had to wait may have gone, or have spoilt the request meanwhile.
      if (request.socket.writable) {
        handle(request, response);
      }
    };
    const nextTurn = (): void => {
      begun = 0;
      for (const [request, response] of waiting.splice(0, max)) {
        begin(request, response);
      }
    };
    return (request, response) => {
      if (begun < max && waiting.length === 0) {
        begin(request, response);
      } else {
        waiting.push([request, response]);
      }
    };
  });
}
