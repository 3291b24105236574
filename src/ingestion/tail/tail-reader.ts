import type { Writable } from 'node:stream';
import type { Socket } from 'node:net';
import type { EncodedEvent } from '../../event/stored-event.js';

const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * One that watches: gets a line for each event, and `#` with a number where so many were left out because it did not
 * read fast enough.
 */
export class TailReader {
  private leftOut = 0;

  constructor(private readonly socket: Pick<Socket, keyof Writable | 'resume'>) {
    // Nothing is expected from it.
    socket.resume();
    socket.on('error', () => {});
    socket.on('drain', () => this.tellLeftOut());
  }

  show(events: readonly EncodedEvent[]): void {
    const { socket } = this;
    socket.cork();
    for (const event of events) {
      if (socket.writableLength + event.length > MAX_WAITING_BYTES) {
        this.leftOut += 1;
      } else {
        this.tellLeftOut();
        socket.write(event);
        socket.write('\n');
      }
    }
    process.nextTick(() => socket.uncork());
  }

  close(): void {
    this.socket.end();
  }

  private tellLeftOut(): void {
    if (this.leftOut > 0) {
      this.socket.write(`#${this.leftOut}\n`);
      this.leftOut = 0;
    }
  }
}
