import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';

/**
 * Ends, in order, the connections that were made before new credentials. Give it the server before it
 * listens.
 */
export class Connections {
  private readonly open = new Set<Socket>();
  private readonly stale = new WeakSet<Socket>();
  private readonly latest = new WeakMap<Socket, ServerResponse>();
  /** On the monotonic clock, in ms: until then, a handshake may end that began before. */
  private straddlingUntil = -Infinity;

  constructor(
    private readonly server: Server,
    private readonly handshakeTimeoutMs: number,
  ) {
    server.on('secureConnection', (socket: Socket) => {
      this.open.add(socket);
      socket.once('close', () => this.open.delete(socket));
      if (performance.now() < this.straddlingUntil) {
        this.stale.add(socket);
      }
    });
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      this.latest.set(request.socket, response);
      if (this.stale.has(request.socket)) {
        response.shouldKeepAlive = false;
      }
    });
  }

  /**
   * Each connection of now ends with the answer that is under way, or with that to its next request, which
   * says so: nothing that is on the wire is lost. One without a request ends with the server's timeouts.
   */
  retire(): void {
    this.straddlingUntil = performance.now() + this.handshakeTimeoutMs;
    for (const socket of this.open) {
      this.stale.add(socket);
      const response = this.latest.get(socket);
      if (response && !response.headersSent) {
        response.shouldKeepAlive = false;
      }
    }
  }

  /**
   * For when those on the other end may no longer be trusted: idle connections end at once, the others
   * of now after `graceMs` at the latest.
   */
  cut(graceMs: number): void {
    this.retire();
    const before = [...this.open];
    this.server.closeIdleConnections();
    setTimeout(() => before.forEach((socket) => socket.destroy()), graceMs).unref();
  }
}
