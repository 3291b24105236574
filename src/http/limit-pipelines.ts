import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { interpose } from './interpose.js';

/**
 * Limits the requests that wait after others on their connections, over all of them (RFC 9112, 9.3.2). Node
 * reads and begins a pipeline as fast as it comes in, and keeps each answer until those before it are
 * read: without a limit, one connection can fill the memory. The connection that exceeds it is cut. Give it the
 * server once its handler listens for requests.
 */
export function limitPipelines(server: Server, max: number): void {
  const waiting = new WaitingRequests(max);
  interpose(server, (handle) => (request, response) => {
    // A response that waits after another one has no socket yet.
    if (response.socket !== null || waiting.admit(request, response)) {
      handle(request, response);
    }
  });
}

class WaitingRequests {
  private count = 0;
  /** By connection: a response that waits after others need not close when the connection is cut. */
  private readonly counts = new WeakMap<Socket, { waiting: number }>();

  constructor(private readonly max: number) {}

  admit({ socket }: IncomingMessage, response: ServerResponse): boolean {
    // It was read together with the request that exceeded the limit.
    if (socket.destroyed) {
      return false;
    }
    if (this.count >= this.max) {
      socket.destroy();
      return false;
    }
    const ofSocket = this.countOf(socket);
    ofSocket.waiting += 1;
    this.count += 1;
    response.once('close', () => {
      if (ofSocket.waiting > 0) {
        ofSocket.waiting -= 1;
        this.count -= 1;
      }
    });
    return true;
  }

  private countOf(socket: Socket): { waiting: number } {
    const known = this.counts.get(socket);
    if (known) {
      return known;
    }
    const counts = { waiting: 0 };
    this.counts.set(socket, counts);
    socket.once('close', () => {
      this.count -= counts.waiting;
      counts.waiting = 0;
    });
    return counts;
  }
}
