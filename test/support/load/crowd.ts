import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { inParallel } from '../servers/collector.js';

/** At a time: more would overflow what the kernel keeps for the program until it accepts them. */
const OPENING = 256;

/** Many connections, each of which sends what it is told and keeps what it gets. */
export class Crowd {
  private readonly sockets: Socket[] = [];
  private readonly answers: string[] = [];
  private readonly ended = new Set<number>();

  private constructor() {}

  /**
   * Resolves once all are connected.
   * @param greetingOf what the one with that number sends at once
   */
  static async gather(
    port: number,
    size: number,
    greetingOf: (n: number) => string = () => '',
  ): Promise<Crowd> {
    const crowd = new Crowd();
    await inParallel(
      OPENING,
      Array.from({ length: size }, () => () => crowd.join(connect(port, '127.0.0.1'), greetingOf)),
    );
    return crowd;
  }

  private async join(socket: Socket, greetingOf: (n: number) => string): Promise<void> {
    const n = this.sockets.push(socket) - 1;
    this.answers.push('');
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => (this.answers[n] += text));
    socket.on('close', () => this.ended.add(n));
    await once(socket, 'connect');
    socket.on('error', () => {});
    socket.write(greetingOf(n), 'latin1');
  }

  sendEach(textOf: (n: number) => string): void {
    this.sockets.forEach((socket, n) => {
      if (socket.writable) {
        socket.write(textOf(n), 'latin1');
      }
    });
  }

  get size(): number {
    return this.sockets.length;
  }

  /** Of all answers so far. */
  statuses(): Set<string> {
    return new Set(
      this.answers.flatMap((answer) =>
        Array.from(answer.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status = '']) => status),
      ),
    );
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
