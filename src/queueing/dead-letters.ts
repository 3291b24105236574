import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../disk/make-directory.js';
import { cutTornLine } from '../disk/torn-line.js';
import { syncDirectory } from '../disk/sync-directory.js';
import type { EncodedEvent } from '../event/stored-event.js';
import type { DeadLetterReason } from '../metrics/pipeline-observer.js';

export interface DeadLetter {
  readonly event: EncodedEvent;
  readonly reason: DeadLetterReason;
  /** The sink's own words. */
  readonly error: string;
}

/** The directory holds as much as it may. */
export class DeadLettersFullError extends Error {
  override readonly name = 'DeadLettersFullError';
}

export const DEAD_LETTER_SUFFIX = '.ndjson';

/** Ingestion's file in the same directory; it bounds itself, to a quarter of the whole. */
export const REJECTED = 'rejected';

/** Events that a sink refused for good: one NDJSON file for each sink. */
export class DeadLetters {
  private readonly prepared = new Set<string>();

  constructor(
    private readonly directory: string,
    private readonly maxBytes: number,
  ) {}

  /**
   * Durable when it resolves. Sinks may call at the same time, each for itself.
   * @throws DeadLettersFullError nothing was written: DEAD_LETTER_MAX_MB is reached
   */
  async append(sink: string, letters: readonly DeadLetter[]): Promise<void> {
    try {
      await this.write(sink, Buffer.concat(letters.map((letter) => encode(sink, letter))));
    } catch (error) {
      // The file may be gone, or end in a torn line.
      this.prepared.delete(sink);
      throw error;
    }
  }

  private async write(sink: string, lines: Buffer): Promise<void> {
    await this.prepare(sink);
    const room = this.maxBytes * 0.75 - (await this.bytes());
    if (lines.length > room) {
      throw new DeadLettersFullError(
        `the dead letters in ${this.directory} have reached DEAD_LETTER_MAX_MB; remove them or raise the bound`,
      );
    }
    const file = await open(this.path(sink), 'a', 0o600);
    try {
      const { size } = await file.stat();
      try {
        await file.appendFile(lines);
        await file.datasync();
        // Somebody may have removed the file since.
        if (size === 0) {
          await syncDirectory(this.directory);
        }
      } catch (error) {
        await file.truncate(size);
        throw error;
      }
    } finally {
      await file.close();
    }
  }

  path(sink: string): string {
    return join(this.directory, `${sink}${DEAD_LETTER_SUFFIX}`);
  }

  /** Once for each sink: the file is there, durably, and ends with a whole line. */
  private async prepare(sink: string): Promise<void> {
    if (this.prepared.has(sink)) {
      return;
    }
    await makeDirectory(this.directory, 0o700);
    const file = await open(this.path(sink), 'a', 0o600);
    await file.close();
    await cutTornLine(this.path(sink));
    await syncDirectory(this.directory);
    this.prepared.add(sink);
  }

  private async bytes(): Promise<number> {
    const names = (await readdir(this.directory)).filter(
      (name) => name.endsWith(DEAD_LETTER_SUFFIX) && name !== `${REJECTED}${DEAD_LETTER_SUFFIX}`,
    );
    const sizes = await Promise.all(
      names.map(async (name) => (await stat(join(this.directory, name))).size),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}

/** The event's bytes stand in the line as they were stored. */
function encode(sink: string, { event, reason, error }: DeadLetter): Buffer {
  const head = JSON.stringify({ failed_at: new Date().toISOString(), sink, reason, error });
  return Buffer.concat([Buffer.from(`${head.slice(0, -1)},"event":`), event, Buffer.from('}\n')]);
}
