import { open, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DEAD_LETTER_SUFFIX,
  deadLetterPath,
  REJECTED,
  REPLAY_SUFFIX,
  replayedFile,
} from '../../disk/dead-letter-files.js';
import { makeDirectory } from '../../disk/make-directory.js';
import { removeFile } from '../../disk/remove-file.js';
import { cutTornLine } from '../../disk/torn-line.js';
import { syncDirectory } from '../../disk/sync-directory.js';
import { type DeadLetter, encodeLine } from '../../event/dead-letter-line.js';

/** The directory holds as much as it may. */
export class DeadLettersFullError extends Error {
  override readonly name = 'DeadLettersFullError';
}

const NEWLINE = Buffer.from('\n');

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
  append(sink: string, letters: readonly DeadLetter[]): Promise<void> {
    return this.putBack(
      sink,
      letters.map((letter) => encodeLine(sink, letter)),
    );
  }

  /** Like `append`, for whole lines of such a file. */
  async putBack(sink: string, lines: readonly Buffer[]): Promise<void> {
    try {
      await this.write(sink, Buffer.concat(lines.flatMap((line) => [line, NEWLINE])));
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

  /**
   * Takes what is in the sink's file out of the way, to be replayed; durable when it resolves.
   * @returns the name of its new file
   */
  async setAside(sink: string): Promise<string> {
    this.prepared.delete(sink);
    await this.prepare(sink);
    const file = `${sink}.${Date.now()}${REPLAY_SUFFIX}`;
    await rename(this.path(sink), this.replayPath(file));
    await syncDirectory(this.directory);
    return file;
  }

  /** The file of a replay that has begun and is not over. */
  replayed(sink: string): Promise<string | undefined> {
    return replayedFile(this.directory, sink);
  }

  replayPath(file: string): string {
    return join(this.directory, file);
  }

  /** Deletes what is in the sink's file; durable when it resolves. */
  purge(sink: string): Promise<void> {
    return removeFile(this.path(sink));
  }

  private path(sink: string): string {
    return deadLetterPath(this.directory, sink);
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
      // That file bounds itself, to a quarter of the whole.
      (name) => name.endsWith(DEAD_LETTER_SUFFIX) && name !== `${REJECTED}${DEAD_LETTER_SUFFIX}`,
    );
    const sizes = await Promise.all(
      names.map(async (name) => (await stat(join(this.directory, name))).size),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}
