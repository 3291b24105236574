import type { Server, Socket } from 'node:net';
import { peerOf } from '../peer.js';

/**
 * Connections that have not finished their handshake. To Node they are none of the server's, and yet it
 * does not close before they end. Give it a server with TLS, before it listens.
 */
export class UnfinishedHandshakes {
  private readonly sockets = new Map<string, Socket>();

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      const peer = peerOf(socket);
      this.sockets.set(peer, socket);
      socket.once('close', () => {
        if (this.sockets.get(peer) === socket) {
          this.sockets.delete(peer);
        }
      });
    });
    // The socket that speaks TLS is another one; they have their peer in common.
    server.on('secureConnection', (socket: Socket) => this.sockets.delete(peerOf(socket)));
  }

  /** Loses no request: none is on the wire before the handshake is done. */
  cut(): void {
    this.sockets.forEach((socket) => socket.destroy());
  }
}
