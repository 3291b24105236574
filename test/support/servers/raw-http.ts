import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection to the program, for what no HTTP client would send. */
export class RawConnection {
  private received = '';
  private readonly ended: Promise<unknown>;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => (this.received += chunk.toString('latin1')));
    socket.on('error', () => {});
    this.ended = once(socket, 'close');
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** What the program has said so far. */
  get heard(): string {
    return this.received;
  }

  /** Hangs up without waiting for an answer. */
  abort(): void {
    this.socket.destroy();
  }

  /** Everything the program said, once it has closed the connection. */
  async answer(): Promise<string> {
    await this.ended;
    return this.received;
  }
}

/** Sends the text on a connection of its own. @returns the status and the body's JSON, once the program has closed it */
export async function exchange(
  port: number,
  text: string,
): Promise<{ status: number; body: unknown }> {
  const connection = await RawConnection.open(port);
  connection.send(text);
  const answer = await connection.answer();
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return {
    status: Number(head.split(' ')[1]),
    body: body.startsWith('{') ? (JSON.parse(body) as unknown) : undefined,
  };
}
