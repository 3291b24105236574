import type { Server } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { AnsweringSocket } from './answering-socket.js';
import { UnfinishedHandshakes } from './tls/unfinished-handshakes.js';

export interface ClosingTimes {
  /** How long a connection without a request may send a last one. */
  readonly lingerMs: number;
  /** How long requests may take to finish. */
  readonly graceMs: number;
}

/**
 * Lets the server close without a reset. On `close`, Node destroys at once what is idle, though a request
 * may be on the wire already. Here such a connection stays for `lingerMs`: its request is answered with
 * `Connection: close`, which the one who answers adds. Node also stops its own timeouts then: what has not
 * finished after `graceMs` is cut.
 */
export function lingerOnClose(server: Server, { lingerMs, graceMs }: ClosingTimes): void {
  const overTls = server instanceof HttpsServer;
  const sockets = openSockets(server, overTls ? 'secureConnection' : 'connection');
  const handshakes = overTls ? new UnfinishedHandshakes(server) : undefined;

  const close = server.close.bind(server);
  server.close = (callback) => {
    server.closeIdleConnections = () => {};
    close(callback);
    Reflect.deleteProperty(server, 'closeIdleConnections');

    for (const { _httpMessage: underWay } of sockets) {
      if (underWay) {
        underWay.shouldKeepAlive = false;
      }
    }
    const timers = [
      setTimeout(() => {
        server.closeIdleConnections();
        destroySilent(sockets);
        handshakes?.cut();
      }, lingerMs),
      setTimeout(() => server.closeAllConnections(), graceMs),
    ];
    server.once('close', () => timers.forEach(clearTimeout));
    return server;
  };
}

function openSockets(server: Server, event: string): ReadonlySet<AnsweringSocket> {
  const sockets = new Set<AnsweringSocket>();
  server.on(event, (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

/** Browsers open connections ahead of need; to Node these are not idle. */
function destroySilent(sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) {
    if (socket.bytesRead === 0) {
      socket.destroy();
    }
  }
}
