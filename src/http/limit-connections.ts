import type { Server, Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { AnsweringSocket } from './answering-socket.js';

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

/**
 * Half of the places are for connections that were answered nothing yet: of more, the oldest has to go, so that a flood
 * of them drives out only itself. Of the others, who has to go is found as the CLOCK algorithm finds a page: in turn, but
 * whoever was answered something since the last look is passed over. Looking costs connections in use nothing, and
 * dribbling bytes gains nothing.
 */
class Places {
  /** Not answered yet when they were looked at, in the order in which they came. */
  readonly #fresh = new Set<AnsweringSocket>();
  /** Next to be looked at first, with the bytes that they had been answered at the last look. */
  readonly #answered = new Map<AnsweringSocket, number>();

  constructor(private readonly max: number) {}

  take(socket: AnsweringSocket): void {
    if (socket.destroyed) {
      return;
    }
    this.#fresh.add(socket);
    socket.once('close', () => this.leave(socket));
    if (this.#fresh.size + this.#answered.size > this.max) {
      const leaving = this.#whoHasToGo(socket) ?? socket;
      this.leave(leaving);
      leaving.destroy();
    }
  }

  leave(socket: Socket): void {
    this.#fresh.delete(socket);
    this.#answered.delete(socket);
  }

  #whoHasToGo(newcomer: Socket): Socket | undefined {
    // Looked for first: it sorts out those that were answered, and what is left may be sending its first request.
    const oldestFresh = this.#oldestFresh(newcomer);
    return this.#fresh.size > this.max / 2
      ? (oldestFresh ?? this.#longestIdle())
      : (this.#longestIdle() ?? oldestFresh);
  }

  #oldestFresh(newcomer: Socket): Socket | undefined {
    let looks = 0;
    for (const socket of this.#fresh) {
      looks += 1;
      if (looks > MAX_LOOKS) {
        break;
      }
      if (socket.bytesWritten > 0) {
        this.#fresh.delete(socket);
        this.#answered.set(socket, socket.bytesWritten);
      } else if (socket !== newcomer && !isAnswering(socket)) {
        return socket;
      }
    }
    return undefined;
  }

  #longestIdle(): Socket | undefined {
    let looks = 0;
    for (const [socket, answeredBytes] of this.#answered) {
      looks += 1;
      if (looks > MAX_LOOKS) {
        break;
      }
      if (!isAnswering(socket) && socket.bytesWritten === answeredBytes) {
        return socket;
      }
      this.#answered.delete(socket);
      this.#answered.set(socket, socket.bytesWritten);
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
