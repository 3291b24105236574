import type { Line } from '../../disk/read-lines.js';
import type { DeadLetter } from '../../event/dead-letter-line.js';
import { BoundedCalls } from '../../threads/bounded-calls.js';
import { DeadLetterStore } from './dead-letter-store.js';

const LIMIT_MS = 10_000;

/** Dead letters on a disk that may hang: a sink's take one thread, and fail until the disk answers again. */
export class BoundedDeadLetters extends DeadLetterStore {
  private readonly calls = new Map<string, BoundedCalls>();

  constructor(
    private readonly store: DeadLetterStore,
    private readonly directory: string,
  ) {
    super();
  }

  get failure(): string | undefined {
    return this.store.failure;
  }

  open(): void {
    this.store.open();
  }

  close(): Promise<void> {
    return this.store.close();
  }

  append(sink: string, letters: readonly DeadLetter[]): Promise<void> {
    return this.of(sink).run(() => this.store.append(sink, letters), letters[0]);
  }

  appendRaw(sink: string, lines: readonly Buffer[]): Promise<void> {
    return this.of(sink).run(() => this.store.appendRaw(sink, lines), lines[0]);
  }

  purge(sink: string): Promise<void> {
    return this.of(sink).run(() => this.store.purge(sink));
  }

  setAside(sink: string): Promise<void> {
    return this.of(sink).run(() => this.store.setAside(sink));
  }

  replayOf(sink: string): Promise<string | undefined> {
    return this.of(sink).run(() => this.store.replayOf(sink));
  }

  countReplay(replay: string): Promise<number> {
    // A large file may take longer than the limit: the count counts when it comes.
    return this.of(sinkOf(replay)).run(() => this.store.countReplay(replay), `count ${replay}`);
  }

  readReplay(replay: string, offset: number, bytes: number): Promise<Line[]> {
    return this.of(sinkOf(replay)).run(() => this.store.readReplay(replay, offset, bytes));
  }

  removeReplay(replay: string): Promise<void> {
    return this.of(sinkOf(replay)).run(() => this.store.removeReplay(replay));
  }

  private of(sink: string): BoundedCalls {
    const calls =
      this.calls.get(sink) ??
      new BoundedCalls(`the disk of DEAD_LETTER_PATH=${this.directory}`, LIMIT_MS);
    this.calls.set(sink, calls);
    return calls;
  }
}

/** The name of a replay begins with that of its sink, which has no dot. */
function sinkOf(replay: string): string {
  return replay.split('.', 1)[0] ?? replay;
}
