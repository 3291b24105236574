import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { inParallel } from './collector.js';

/** At a time: more would overflow what the kernel keeps for the program until it accepts them. */
const OPENING = 256;

/** Many connections, each of which sends what it is told and keeps what it gets. */
export class Crowd {
  private readonly answers: string[];
  private readonly ended = new Set<number>();

  private constructor(private readonly sockets: readonly Socket[]) {
    this.answers = sockets.map(() => '');
    sockets.forEach((socket, n) => {
      socket.setEncoding('latin1');
      socket.on('data', (text: string) => (this.answers[n] += text));
      socket.on('close', () => this.ended.add(n));
    });
  }

  /** Resolves once all are connected. */
  static async gather(port: number, size: number): Promise<Crowd> {
    const sockets: Socket[] = [];
    await inParallel(
      OPENING,
      Array.from({ length: size }, () => async () => {
        const socket = connect({ port, host: '127.0.0.1' });
        sockets.push(socket);
        await once(socket, 'connect');
        socket.on('error', () => {});
      }),
    );
    return new Crowd(sockets);
  }

  sendEach(textOf: (n: number) => string): void {
    this.sockets.forEach((socket, n) => socket.write(textOf(n), 'latin1'));
  }

  /** How many have an answer's head. */
  get answered(): number {
    return this.answers.filter((answer) => answer.includes('\r\n\r\n')).length;
  }

  /** How many were closed, by whomever. */
  get closed(): number {
    return this.ended.size;
  }

  /** Numbers of those whose first answer has that status. */
  withStatus(status: string): number[] {
    return this.answers.flatMap((answer, n) =>
      answer.startsWith(`HTTP/1.1 ${status} `) ? [n] : [],
    );
  }

  /** Everything that this one got. */
  answerOf(n: number): string {
    return this.answers[n] ?? '';
  }

  leave(): void {
    this.sockets.forEach((socket) => socket.destroy());
  }
}
