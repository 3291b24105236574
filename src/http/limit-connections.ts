import type { Server, Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { AnsweringSocket } from './answering-socket.js';
import { peerOf } from './peer.js';

/** So many connections are looked at for each new one: a look takes tens of nanoseconds. */
const MAX_LOOKS = 512;

/**
 * Limits the connections of an HTTP server. When all places are taken, a new connection gets that of one
 * for which nothing is being answered, so that a client that holds connections open locks nobody out. Give
 * it the server before it listens.
 */
export function limitConnections(server: Server, max: number): void {
  const places = new Places(max);
  if (!(server instanceof TlsServer)) {
    server.on('connection', (socket: Socket) => places.take(socket));
    return;
  }
  // The socket that speaks TLS is another one; they have their peer in common.
  const handshaking = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    handshaking.set(peer, socket);
    socket.once('close', () => handshaking.delete(peer));
    places.take(socket, Infinity);
  });
  server.on('secureConnection', (socket: Socket) => {
    const raw = handshaking.get(peerOf(socket));
    if (raw) {
      handshaking.delete(peerOf(socket));
      places.leave(raw);
    }
    places.take(socket);
  });
}

/** What a connection had read and written when it was last looked at. */
interface Seen {
  readonly read: number;
  /** 0: its first answer was under way then. */
  readonly written: number;
}

/** Connections without an answer that are in the same state. */
interface Kind {
  count: number;
  oldest?: Socket;
}

/**
 * The first to go are connections that were answered and are idle. They are found as the CLOCK algorithm finds a page: in
 * turn, but those that were answered something since the last look are passed over while there are others. Then go those
 * that sent nothing, and last those whose request is still arriving. But one without an answer has to go once it and those
 * that came after it have more than half of the places, so that a flood of them drives out only itself. Looking costs
 * connections in use nothing, and dribbling bytes gains nothing.
 */
class Places {
  /** They sent nothing, or only a part of a request, in the order in which they came; with the bytes written before. */
  private readonly unanswered = new Map<AnsweringSocket, number>();
  /** They were answered, or are being answered. The next to be looked at is the first. */
  private readonly answered = new Map<AnsweringSocket, Seen>();

  constructor(private readonly max: number) {}

  /** @param handshakeBytes so many bytes are written to it at most before any answer */
  take(socket: AnsweringSocket, handshakeBytes = 0): void {
    if (socket.destroyed) {
      return;
    }
    this.unanswered.set(socket, handshakeBytes);
    socket.once('close', () => this.leave(socket));
    if (this.unanswered.size + this.answered.size > this.max) {
      const victim = this.pickVictim(socket) ?? socket;
      this.leave(victim);
      victim.destroy();
    }
  }

  leave(socket: Socket): void {
    this.unanswered.delete(socket);
    this.answered.delete(socket);
  }

  private pickVictim(newcomer: Socket): Socket | undefined {
    const { silent, arriving, later } = this.sortUnanswered(newcomer);
    if (this.unanswered.size > this.max / 2) {
      // The larger kind is the flood; those of the other one may be about to be answered.
      const flood = arriving.count > silent.count ? arriving : silent;
      return flood.oldest ?? this.longestIdle();
    }
    later.forEach((socket) => this.moveToAnswered(socket));
    return this.longestIdle() ?? silent.oldest ?? arriving.oldest;
  }

  /** @returns as `later` those that were answered though they came after one that was not */
  private sortUnanswered(newcomer: Socket): { silent: Kind; arriving: Kind; later: Socket[] } {
    const [silent, arriving]: [Kind, Kind] = [{ count: 0 }, { count: 0 }];
    const later: Socket[] = [];
    let looks = 0;
    for (const [socket, writtenBefore] of this.unanswered) {
      looks += 1;
      if (looks > MAX_LOOKS) {
        break;
      }
      if (socket.bytesWritten > writtenBefore || isAnswering(socket)) {
        if (silent.oldest || arriving.oldest) {
          later.push(socket);
        } else {
          this.moveToAnswered(socket);
        }
      } else if (socket !== newcomer) {
        const kind = socket.bytesRead === 0 ? silent : arriving;
        kind.count += 1;
        kind.oldest ??= socket;
      }
    }
    return { silent, arriving, later };
  }

  private moveToAnswered(socket: Socket): void {
    this.unanswered.delete(socket);
    this.answered.set(socket, { read: socket.bytesRead, written: socket.bytesWritten });
  }

  private longestIdle(): Socket | undefined {
    let usedLately: Socket | undefined;
    let looks = Math.min(this.answered.size, MAX_LOOKS);
    for (const [socket, seen] of this.answered) {
      looks -= 1;
      if (looks < 0) {
        break;
      }
      const { bytesRead: read, bytesWritten: written } = socket;
      if (isArriving(socket, seen)) {
        this.answered.delete(socket);
        this.unanswered.set(socket, written);
        continue;
      }
      if (!isAnswering(socket)) {
        if (written === seen.written || seen.written === 0) {
          return socket;
        }
        usedLately ??= socket;
      }
      this.answered.delete(socket);
      this.answered.set(socket, { read, written });
    }
    return usedLately;
  }
}

/** Whether a connection that was answered sends its next request. */
function isArriving(socket: AnsweringSocket, { read, written }: Seen): boolean {
  const { _httpMessage: response } = socket;
  return response
    ? !response.req.complete
    : socket.bytesRead > read && socket.bytesWritten === written;
}

/** A request that has not arrived whole is nothing to answer yet. */
function isAnswering({ _httpMessage: response }: AnsweringSocket): boolean {
  return response?.req.complete === true;
}
