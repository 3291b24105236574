import { open, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DEAD_LETTER_SUFFIX,
  deadLetterPath,
  REJECTED,
  REPLAY_SUFFIX,
  replayedFile,
} from '../../disk/dead-letter-paths.js';
import { countLines, type Line, readLines } from '../../disk/read-lines.js';
import { ifMissing } from '../../disk/missing.js';
import { removeFile } from '../../disk/remove-file.js';
import { cutTornLine } from '../../disk/torn-line.js';
import { syncDirectory } from '../../disk/sync-directory.js';
import { type DeadLetter, encodeLine } from '../../event/dead-letter-line.js';
import { DeadLetterDirectory } from './dead-letter-directory.js';
import { DeadLettersFullError, DeadLetterStore } from './dead-letter-store.js';

const CHECK_INTERVAL_MS = 5000;
const NEWLINE = Buffer.from('\n');
/** It bounds itself, to a quarter of the whole. */
const REJECTED_FILE = `${REJECTED}${DEAD_LETTER_SUFFIX}`;

/** One NDJSON file for each sink. */
export class DeadLetterFiles extends DeadLetterStore {
  private readonly owned: DeadLetterDirectory;
  private readonly prepared = new Set<string>();
  private checking: NodeJS.Timeout | undefined;

  constructor(
    private readonly directory: string,
    private readonly maxBytes: number,
  ) {
    super();
    this.owned = new DeadLetterDirectory(directory);
  }

  get failure(): string | undefined {
    return this.owned.failure;
  }

  open(): void {
    const check = (): void => {
      // It says so itself.
      this.owned.hold().catch(() => undefined);
    };
    check();
    this.checking = setInterval(check, CHECK_INTERVAL_MS).unref();
  }

  close(): Promise<void> {
    clearInterval(this.checking);
    return this.owned.release();
  }

  append(sink: string, letters: readonly DeadLetter[]): Promise<void> {
    return this.appendRaw(
      sink,
      letters.map((letter) => encodeLine(sink, letter)),
    );
  }

  async appendRaw(sink: string, lines: readonly Buffer[]): Promise<void> {
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
    if (lines.length > (await this.room(sink))) {
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

  async setAside(sink: string): Promise<void> {
    this.prepared.delete(sink);
    await this.prepare(sink);
    await rename(this.path(sink), join(this.directory, `${sink}.${Date.now()}${REPLAY_SUFFIX}`));
    await syncDirectory(this.directory);
  }

  replayOf(sink: string): Promise<string | undefined> {
    return replayedFile(this.directory, sink);
  }

  countReplay(replay: string): Promise<number> {
    return countLines(join(this.directory, replay));
  }

  async readReplay(replay: string, offset: number, bytes: number): Promise<Line[]> {
    const handle = await open(join(this.directory, replay), 'r');
    try {
      return await readLines(handle, offset, bytes);
    } finally {
      await handle.close();
    }
  }

  removeReplay(replay: string): Promise<void> {
    return removeFile(join(this.directory, replay));
  }

  purge(sink: string): Promise<void> {
    return removeFile(this.path(sink));
  }

  private path(sink: string): string {
    return deadLetterPath(this.directory, sink);
  }

  /** Once for each sink: the file is there, durably, and ends with a whole line. */
  private async prepare(sink: string): Promise<void> {
    await this.owned.hold();
    if (this.prepared.has(sink)) {
      return;
    }
    const file = await open(this.path(sink), 'a', 0o600);
    await file.close();
    await cutTornLine(this.path(sink));
    await syncDirectory(this.directory);
    this.prepared.add(sink);
  }

  /**
   * Three quarters are for refused events, those that are being replayed among them. A sink whose own are may use
   * what else there is: the replay frees its space only once the lane is through with the batch in hand.
   */
  private async room(sink: string): Promise<number> {
    const names = await readdir(this.directory);
    const ofSinks = names.filter(
      (name) =>
        name.endsWith(REPLAY_SUFFIX) ||
        (name.endsWith(DEAD_LETTER_SUFFIX) && name !== REJECTED_FILE),
    );
    return names.some((name) => isReplayOf(sink, name))
      ? this.maxBytes - (await this.bytesOf([...ofSinks, REJECTED_FILE]))
      : this.maxBytes * 0.75 - (await this.bytesOf(ofSinks));
  }

  private async bytesOf(names: readonly string[]): Promise<number> {
    const sizes = await Promise.all(
      names.map((name) => stat(join(this.directory, name)).then(({ size }) => size, ifMissing(0))),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}

function isReplayOf(sink: string, name: string): boolean {
  return name.startsWith(`${sink}.`) && name.endsWith(REPLAY_SUFFIX);
}
