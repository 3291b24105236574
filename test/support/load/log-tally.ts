import { existsSync } from 'node:fs';
import { readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const CURRENT = 'events.ndjson';
const NEWLINE = 0x0a;

/**
 * Counts what the log sink has written, a process after the other, and removes the files that were set
 * aside: a long run would fill the disk.
 */
export class LogTally {
  /** How often each event is there. */
  readonly copies = new Map<string, number>();
  lines = 0;
  /** Of the oldest file: what was counted. */
  private counted = 0;

  constructor(private readonly directory: string) {}

  /**
   * While no process writes. A torn last line is not counted: the next process cuts it.
   * @returns how many lines are repetitions of earlier ones
   */
  async count(): Promise<number> {
    const names = existsSync(this.directory)
      ? (await readdir(this.directory)).filter((name) => /^events.*\.ndjson$/.test(name))
      : [];
    let repeated = 0;
    for (const name of names.filter((each) => each !== CURRENT).toSorted()) {
      const path = join(this.directory, name);
      repeated += this.take(await readFile(path), path);
      this.counted = 0;
      await unlink(path);
    }
    return names.includes(CURRENT) ? repeated + (await this.countCurrent()) : repeated;
  }

  private async countCurrent(): Promise<number> {
    const path = join(this.directory, CURRENT);
    const bytes = await readFile(path);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    const repeated = this.take(bytes.subarray(0, end), path);
    this.counted = end;
    return repeated;
  }

  private take(bytes: Buffer, path: string): number {
    let repeated = 0;
    if (bytes.length < this.counted || (bytes.at(-1) !== NEWLINE && bytes.length > 0)) {
      throw new Error(`${path} has lost lines, or ends in the middle of one`);
    }
    for (const line of bytes.toString('utf8', this.counted).split('\n').slice(0, -1)) {
      const { event_id: id } = JSON.parse(line) as { event_id: string };
      const before = this.copies.get(id) ?? 0;
      this.copies.set(id, before + 1);
      this.lines += 1;
      repeated += before > 0 ? 1 : 0;
    }
    return repeated;
  }
}
