import {
  type Account,
  type AccountChange,
  type Batch,
  type BatchBounds,
  BatchSource,
  type Progress,
} from '../../queueing/event-queue.js';
import type { Unconfirmed } from './unconfirmed.js';

/** The reader of what is on its way to the topic: what it commits is there, and who waits for it is told. */
export class ConfirmingSource extends BatchSource {
  readonly name: string;

  constructor(
    private readonly source: BatchSource,
    private readonly unconfirmed: Unconfirmed,
  ) {
    super();
    this.name = source.name;
  }

  get depth(): number {
    return this.source.depth;
  }

  get progress(): Progress {
    return this.source.progress;
  }

  get account(): Account {
    return this.source.account;
  }

  get oldestEventAgeSeconds(): number {
    return this.source.oldestEventAgeSeconds;
  }

  read(bounds: BatchBounds, signal: AbortSignal): Promise<Batch> {
    return this.source.read(bounds, signal);
  }

  peek(position: number, bounds: BatchBounds): Promise<Batch> {
    return this.source.peek(position, bounds);
  }

  async commit(position: number, change: AccountChange): Promise<void> {
    await this.source.commit(position, change);
    this.unconfirmed.confirm(position, this.oldestEventAgeSeconds * 1000);
  }

  updateAccount(change: AccountChange): Promise<void> {
    return this.source.updateAccount(change);
  }

  override refuse(position: number, reason: string): boolean {
    return this.unconfirmed.refuse(position, reason);
  }
}
