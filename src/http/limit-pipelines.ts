import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { interpose } from './interpose.js';

/**
 * Bounds the requests that wait behind others on their connections, over all of them (RFC 9112, 9.3.2). Node
 * reads and begins a pipeline as fast as it comes in, and keeps each answer until those before it are
 * read: without a bound, one connection can fill the memory. The one that goes beyond it is cut. Give it the
 * server once its handler listens for requests.
 */
export function boundPipelines(server: Server, max: number): void {
  const waiting = new WaitingRequests(max);
  interpose(server, (handle) => (request, response) => {
    // Behind another one, a response has no socket yet.
    if (response.socket !== null || waiting.takes(request, response)) {
      handle(request, response);
    }
  });
}

class WaitingRequests {
  #count = 0;
  /** Of each connection: a response that waits behind others need not close when the connection is cut. */
  readonly #counts = new WeakMap<Socket, { waiting: number }>();

  constructor(private readonly max: number) {}

  takes({ socket }: IncomingMessage, response: ServerResponse): boolean {
    // What was read together with what went beyond the bound.
    if (socket.destroyed) {
      return false;
    }
    if (this.#count >= this.max) {
      socket.destroy();
      return false;
    }
    const ofSocket = this.#of(socket);
    ofSocket.waiting += 1;
    this.#count += 1;
    response.once('close', () => {
      if (ofSocket.waiting > 0) {
        ofSocket.waiting -= 1;
        this.#count -= 1;
      }
    });
    return true;
  }

  #of(socket: Socket): { waiting: number } {
    const known = this.#counts.get(socket);
    if (known) {
      return known;
    }
    const counts = { waiting: 0 };
    this.#counts.set(socket, counts);
    socket.once('close', () => {
      this.#count -= counts.waiting;
      counts.waiting = 0;
    });
    return counts;
  }
}
