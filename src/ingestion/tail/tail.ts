import { chmod, mkdtemp, rename, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { makeDirectory } from '../../disk/make-directory.js';
import { assertPrivate, type TailSocket } from '../../disk/tail-socket.js';
import type { EncodedEvent } from '../../event/stored-event.js';
import { TailReader } from './tail-reader.js';

const MAX_READERS = 8;

/** Shows events to `gotrack tail`, after their commit, on a local socket that only the user of this process can open. */
@Injectable()
export class Tail implements OnApplicationShutdown {
  private readonly logger = new Logger('Tail');
  private readonly readers = new Set<TailReader>();
  private server: Server | undefined;
  private path: string | undefined;

  get isWatched(): boolean {
    return this.readers.size > 0;
  }

  /** Never waits for a reader. */
  show(events: readonly EncodedEvent[]): void {
    for (const reader of this.readers) {
      reader.show(events);
    }
  }

  /** Call while the queue's directory belongs to this process. A failure costs the tail only. */
  async open(socket: TailSocket): Promise<void> {
    try {
      await this.listen(socket);
    } catch (error) {
      this.logger.warn(`gotrack tail will show nothing: ${(error as Error).message}`);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.path !== undefined) {
      await rm(this.path, { force: true }).catch(() => {});
    }
    this.server?.close();
    this.readers.forEach((reader) => reader.close());
  }

  /** The socket gets its mode where nobody else comes in, and replaces the one that a crash has left. */
  private async listen({ directory, path, isTemporary }: TailSocket): Promise<void> {
    if (isTemporary) {
      await makeDirectory(directory, 0o700);
      await assertPrivate(directory, process.getuid?.());
    }
    const closed = await mkdtemp(join(directory, '.tail-'));
    try {
      const server = createServer((socket) => this.accept(socket));
      server.maxConnections = MAX_READERS;
      const first = join(closed, 's');
      await once(server.listen(first), 'listening');
      server.on('error', (error) => this.logger.warn(`gotrack tail: ${error.message}`));
      await chmod(first, 0o600);
      await rename(first, path);
      this.server = server.unref();
      this.path = path;
    } finally {
      await rm(closed, { recursive: true, force: true });
    }
  }

  private accept(socket: Socket): void {
    const reader = new TailReader(socket);
    this.readers.add(reader);
    socket.on('close', () => this.readers.delete(reader));
  }
}
