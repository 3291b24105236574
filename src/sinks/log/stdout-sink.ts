import { fstat, write } from 'node:fs';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import type { StoredEvent } from '../../event/stored-event.js';
import { RetryableSinkError, Sink, type Written } from '../sink.js';
import { withTimeout } from '../../threads/with-timeout.js';
import { asSinkError, errorCode } from './disk-error.js';
import { encodeLines } from './lines.js';

const TARGET = 'LOG_PATH=stdout';

const ignore = (): void => undefined;
const stat = promisify(fstat);
const writeSome = promisify(write);

/**
 * Writes events to standard output, one JSON object a line, and confirms them once the system has
 * taken them.
 */
export class StdoutSink extends Sink {
  private isFile = false;
  /** What the system has not taken yet. It can't be called back: nothing is written after it until then. */
  private pending: Promise<void> | undefined;
  private lastFailure: RetryableSinkError | undefined;

  constructor(
    private readonly stream: Writable & { readonly fd: number } = process.stdout,
    /** How long what reads it may pause before an attempt fails. */
    private readonly stallMs = 10_000,
  ) {
    super();
  }

  override async open(): Promise<void> {
    // Stays for good: the late error of a write that nobody waits for must not end the process.
    this.stream.off('error', ignore).on('error', ignore);
    try {
      this.isFile = (await stat(this.stream.fd)).isFile();
    } catch (error) {
      throw asSinkError(TARGET, error);
    }
  }

  override async write(batch: readonly StoredEvent[]): Promise<Written> {
    try {
      if (this.pending) {
        await this.untilStalled(this.pending);
      }
      const lines = encodeLines(batch);
      // A failed write to a file may have ended within a line: it must not swallow the next one.
      const torn = this.isFile && this.lastFailure !== undefined;
      await this.untilStalled(this.put(torn ? Buffer.concat([Buffer.from('\n'), lines]) : lines));
    } catch (error) {
      this.lastFailure = this.asFailure(error);
      throw this.lastFailure;
    }
    this.lastFailure = undefined;
    return { duplicates: 0 };
  }

  /** Only a write can tell whether standard output is still read: what became of the last one counts. */
  override check(): Promise<void> {
    return this.lastFailure ? Promise.reject(this.lastFailure) : Promise.resolve();
  }

  override close(): Promise<void> {
    return Promise.resolve();
  }

  private put(bytes: Buffer): Promise<void> {
    const put = this.isFile ? this.putInFile(bytes) : this.putInStream(bytes);
    const done = (): void => {
      this.pending = undefined;
    };
    this.pending = put;
    put.then(done, done);
    return put;
  }

  private putInStream(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stream.write(bytes, (error) => {
        if (error) {
          reject(error);
        } else {
          resolve();
        }
      });
    });
  }

  /** Not through the stream: for a file it blocks, and takes a write that a full disk cut short for a whole one. */
  private async putInFile(bytes: Buffer): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      written += (await writeSome(this.stream.fd, bytes, written)).bytesWritten;
    }
  }

  private untilStalled(put: Promise<void>): Promise<void> {
    const problem = `standard output was not read for ${this.stallMs} ms`;
    const message = `${TARGET}: ${problem}: look at what reads it`;
    return withTimeout(put, this.stallMs, () => new RetryableSinkError('timeout', message));
  }

  private asFailure(error: unknown): RetryableSinkError {
    if (this.isFile || error instanceof RetryableSinkError) {
      return asSinkError(TARGET, error);
    }
    const problem = `cannot be written (${errorCode(error) ?? String(error)})`;
    return new RetryableSinkError(
      'connection',
      `${TARGET} ${problem}: what read it has gone, restart both`,
      { cause: error },
    );
  }
}
