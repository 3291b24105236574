import type { StoredEvent } from '../../../src/event/stored-event.js';
import { Sink, type Written } from '../../../src/sinks/sink.js';

/** A sink that does what the test says, and records every batch that it is given. */
export class ScriptedSink extends Sink {
  /** Texts of each batch, failed attempts too. */
  readonly attempts: string[][] = [];
  /** Texts that it took, in order. */
  readonly stored: string[] = [];
  opened = 0;
  closed = false;
  checkFailure: Error | undefined;
  onOpen: () => void | Promise<void> = () => {};
  /** Throws to fail the attempt; what it returns is stored. */
  onWrite: (texts: readonly string[]) => void = () => {};

  async open(): Promise<void> {
    this.opened += 1;
    await this.onOpen();
  }

  async write(batch: readonly StoredEvent[]): Promise<Written> {
    const texts = batch.map(({ json }) => json.toString());
    this.attempts.push(texts);
    this.onWrite(texts);
    this.stored.push(...texts);
    return { duplicates: 0 };
  }

  async check(): Promise<void> {
    if (this.checkFailure) {
      throw this.checkFailure;
    }
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
