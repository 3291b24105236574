import type { StoredEvent } from '../../../src/event/stored-event.js';
import {
  type Account,
  type AccountChange,
  type Batch,
  type BatchBounds,
  BatchSource,
  type Progress,
} from '../../../src/queueing/event-queue.js';

/** A source that hands out what the test gives it, and may take it back. */
export class ScriptedSource extends BatchSource {
  readonly name = 'log';
  readonly oldestEventAgeSeconds = 0;
  /** In order, as they were committed. */
  readonly commits: number[] = [];
  account: Account = { deadLettered: 0, purged: 0 };
  private readonly waiting: Buffer[][] = [];
  private hand = new AbortController();
  private position = 0;
  private committed = 0;
  private wake: (() => void) | undefined;

  get depth(): number {
    return this.position - this.committed + this.waiting.flat().length;
  }

  get progress(): Progress {
    return { accepted: this.committed + this.depth, settled: this.committed, corrupt: 0 };
  }

  /** One batch. */
  give(...texts: string[]): void {
    this.waiting.push(texts.map((text) => Buffer.from(text)));
    this.wake?.();
  }

  /** Everything that was handed out and is not committed is another's now. */
  lose(): void {
    this.committed = this.position;
    this.hand.abort(new Error('another member has it'));
    this.hand = new AbortController();
  }

  async read(_bounds: BatchBounds, signal: AbortSignal): Promise<Batch> {
    for (;;) {
      signal.throwIfAborted();
      const next = this.waiting.shift();
      if (next) {
        const events = next.map((json): StoredEvent => ({ position: this.position++, json }));
        return { events, end: this.position, lost: this.hand.signal };
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  peek(position: number): Promise<Batch> {
    return Promise.resolve({ events: [], end: position });
  }

  async commit(position: number, change: AccountChange): Promise<void> {
    this.commits.push(position);
    this.committed = position;
    await this.updateAccount(change);
  }

  updateAccount(change: AccountChange): Promise<void> {
    this.account = change(this.account);
    return Promise.resolve();
  }
}
