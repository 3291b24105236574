import type { ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

/** So many connections are looked at for each new one: a look takes tens of nanoseconds. */
const MAX_LOOKS = 512;

/**
 * Bounds the connections of an HTTP server. When all places are taken, a new connection gets that of one
 * for which nothing is being answered, so that whoever holds connections open locks nobody out. Give it
 * the server before it listens.
 */
export function boundConnections(server: Server, max: number): void {
  const places = new Places(max);
  if (!(server instanceof TlsServer)) {
    server.on('connection', (socket: Socket) => places.take(socket));
    return;
  }
  // The socket that speaks TLS is another one; they have their peer in common.
  const shakingHands = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    shakingHands.set(peer, socket);
    socket.once('close', () => shakingHands.delete(peer));
    places.take(socket);
  });
  server.on('secureConnection', (socket: Socket) => {
    const raw = shakingHands.get(peerOf(socket));
    if (raw) {
      shakingHands.delete(peerOf(socket));
      places.leave(raw);
    }
    places.take(socket);
  });
}

/** Node keeps the response that is under way at its socket, and documents no other place to find it. */
type AnsweringSocket = Socket & { readonly _httpMessage?: ServerResponse | null };

/**
 * Who has to go is found as the CLOCK algorithm finds a page: in the order in which they came, but whoever
 * was answered something since the last look is passed over. That is free for the connections that are in
 * use, and dribbling bytes buys nothing.
 */
class Places {
  /** The connections, next to be looked at first, with the bytes that they had been answered at the last look. */
  readonly #taken = new Map<AnsweringSocket, number>();

  constructor(private readonly max: number) {}

  take(socket: AnsweringSocket): void {
    if (socket.destroyed) {
      return;
    }
    this.#taken.set(socket, 0);
    socket.once('close', () => this.leave(socket));
    if (this.#taken.size > this.max) {
      const leaving = this.#findIdle(socket) ?? socket;
      this.leave(leaving);
      leaving.destroy();
    }
  }

  leave(socket: Socket): void {
    this.#taken.delete(socket);
  }

  #findIdle(newcomer: Socket): Socket | undefined {
    let looks = 0;
    for (const [socket, answeredBytes] of this.#taken) {
      if (looks === MAX_LOOKS) {
        break;
      }
      looks += 1;
      if (socket !== newcomer && !isAnswering(socket) && socket.bytesWritten === answeredBytes) {
        return socket;
      }
      this.#taken.delete(socket);
      this.#taken.set(socket, socket.bytesWritten);
    }
    return undefined;
  }
}

/** A request that has not arrived whole is nothing to answer yet. */
function isAnswering({ _httpMessage: response }: AnsweringSocket): boolean {
  return response?.req.complete === true;
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
