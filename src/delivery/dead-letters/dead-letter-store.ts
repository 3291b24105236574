import type { Line } from '../../disk/read-lines.js';
import type { DeadLetter } from '../../event/dead-letter-line.js';

/** Events that sinks refused for good. Sinks may call at the same time, each for itself. */
export abstract class DeadLetterStore {
  /** Why nothing can be kept, as far as is known; undefined when it can. */
  abstract readonly failure: string | undefined;

  /** Sees now and then, until `close`, whether something can be kept. */
  abstract open(): void;

  abstract close(): Promise<void>;

  /**
   * Durable when it resolves.
   * @throws DeadLettersFullError nothing was written: DEAD_LETTER_MAX_MB is reached
   */
  abstract append(sink: string, letters: readonly DeadLetter[]): Promise<void>;

  /** Like `append`, for lines as the store has kept them. */
  abstract appendRaw(sink: string, lines: readonly Buffer[]): Promise<void>;

  /** Deletes what the sink refused; durable when it resolves. */
  abstract purge(sink: string): Promise<void>;

  /** Takes what the sink refused out of the way, to be replayed; durable when it resolves. */
  abstract setAside(sink: string): Promise<void>;

  /** The name of the sink's replay that has begun and is not over. */
  abstract replayOf(sink: string): Promise<string | undefined>;

  abstract countReplay(replay: string): Promise<number>;

  /** About so many bytes from the offset on, in whole lines, at least one; none at the end. */
  abstract readReplay(replay: string, offset: number, bytes: number): Promise<Line[]>;

  /** Also when it is gone already. */
  abstract removeReplay(replay: string): Promise<void>;
}

/** The store holds as much as it may. */
export class DeadLettersFullError extends Error {
  override readonly name = 'DeadLettersFullError';
}
