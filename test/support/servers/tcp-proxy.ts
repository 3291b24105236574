import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './free-port.js';

/** Decides about each piece on its way to the target: where to cut the connection, if at all. */
export type CutRule = (piece: Buffer, sentBefore: number) => CutAt | undefined;

export interface CutAt {
  /** How much of the piece still gets through. */
  readonly bytes: number;
}

/** Small pieces wait for nothing: a client that sets this for itself would wait 40 ms here otherwise. */
const AT_ONCE = { noDelay: true };

/** A way to a server that a test can close, open again, and cut while something is on it. */
export class TcpProxy {
  /** The same after it was closed and opened again. */
  port = 0;
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;
  private rule: CutRule | undefined;

  constructor(private readonly target: { readonly host: string; readonly port: number }) {}

  async open(): Promise<void> {
    this.port ||= await freePort();
    const server = createServer(AT_ONCE, (client) => this.join(client));
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.server = server;
  }

  /** Refuses connections, and cuts those there are. */
  async close(): Promise<void> {
    const { server } = this;
    if (!server) {
      return;
    }
    this.server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.sockets) {
      socket.destroy();
    }
    await closed;
  }

  /** The next connection on which the rule finds a place is cut there: that one only. */
  cutOnce(rule: CutRule): void {
    this.rule = rule;
  }

  private join(client: Socket): void {
    const upstream = connect({ ...this.target, ...AT_ONCE });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.end();
      });
    }
    upstream.pipe(client);
    let sent = 0;
    client.on('data', (piece: Buffer) => {
      const cut = this.rule?.(piece, sent);
      sent += piece.length;
      if (cut) {
        this.rule = undefined;
        // The target still gets, and works on, what was let through.
        upstream.end(piece.subarray(0, cut.bytes));
        client.destroy();
      } else {
        upstream.write(piece);
      }
    });
  }
}
