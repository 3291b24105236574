import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from './make-directory.js';
import { removeFile } from './remove-file.js';
import { syncDirectory } from './sync-directory.js';

export type DeadLetterRequest = 'replay' | 'purge';

const POLL_INTERVAL_MS = 1000;

/**
 * What an operator asks of the running collector, or of its next start: an empty file for each request
 * in the directory of the dead letters.
 */
export class DeadLetterRequests {
  private readonly listeners = new Map<string, () => void>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly directory: string) {}

  /** `asked` is called again and again while a request for `name` waits to be served. */
  listen(name: string, asked: () => void): void {
    this.listeners.set(name, asked);
  }

  /** Looks for requests from now on, until `stop`. */
  start(): void {
    const look = async (): Promise<void> => {
      const files = await this.files();
      for (const [name, asked] of this.listeners) {
        if (files.includes(fileOf(name, 'replay')) || files.includes(fileOf(name, 'purge'))) {
          asked();
        }
      }
      if (!this.stopped) {
        this.timer = setTimeout(() => void look(), POLL_INTERVAL_MS).unref();
      }
    };
    void look();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Durable when it resolves. */
  async make(name: string, request: DeadLetterRequest): Promise<void> {
    await makeDirectory(this.directory, 0o700);
    await writeFile(this.path(name, request), '', { mode: 0o600, flush: true });
    await syncDirectory(this.directory);
  }

  async isMade(name: string, request: DeadLetterRequest): Promise<boolean> {
    return (await this.files()).includes(fileOf(name, request));
  }

  withdraw(name: string, request: DeadLetterRequest): Promise<void> {
    return removeFile(this.path(name, request));
  }

  private path(name: string, request: DeadLetterRequest): string {
    return join(this.directory, fileOf(name, request));
  }

  /** A directory that cannot be read holds no request that could be served. */
  private files(): Promise<string[]> {
    return readdir(this.directory).catch(() => []);
  }
}

function fileOf(name: string, request: DeadLetterRequest): string {
  return `${name}.${request}-request`;
}
