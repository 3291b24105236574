import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BoundedCalls } from '../threads/bounded-calls.js';
import { makeDirectory } from './make-directory.js';
import { removeFile } from './remove-file.js';
import { syncDirectory } from './sync-directory.js';

export type DeadLetterRequest = 'replay' | 'purge';

const POLL_INTERVAL_MS = 1000;
const LIMIT_MS = 5000;

/**
 * What an operator asks of the running collector, or of its next start: an empty file for each request
 * in the directory of the dead letters.
 */
export class DeadLetterRequests {
  private readonly listeners = new Map<string, () => void>();
  private polling: AbortController | undefined;
  private readonly calls: BoundedCalls;

  constructor(private readonly directory: string) {
    this.calls = new BoundedCalls(`the disk of DEAD_LETTER_PATH=${directory}`, LIMIT_MS);
  }

  /**
   * Calls `onRequest` about once a second while a request for `name` waits to be served.
   * @returns stops that
   */
  listen(name: string, onRequest: () => void): () => void {
    this.listeners.set(name, onRequest);
    if (this.polling === undefined) {
      this.polling = new AbortController();
      void this.poll(this.polling.signal);
    }
    return () => {
      this.listeners.delete(name);
      if (this.listeners.size === 0) {
        this.polling?.abort();
        this.polling = undefined;
      }
    };
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
    return this.calls.run(() => removeFile(this.path(name, request)));
  }

  private async poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const files = await this.files();
      for (const [name, onRequest] of this.listeners) {
        const isWaiting =
          files.includes(fileOf(name, 'replay')) || files.includes(fileOf(name, 'purge'));
        if (isWaiting && !signal.aborted) {
          onRequest();
        }
      }
      await sleep(POLL_INTERVAL_MS, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  private path(name: string, request: DeadLetterRequest): string {
    return join(this.directory, fileOf(name, request));
  }

  /** A directory that cannot be read, or whose disk hangs, holds no request that could be served. */
  private files(): Promise<string[]> {
    return this.calls.run(() => readdir(this.directory), 'list').catch(() => []);
  }
}

function fileOf(name: string, request: DeadLetterRequest): string {
  return `${name}.${request}-request`;
}
