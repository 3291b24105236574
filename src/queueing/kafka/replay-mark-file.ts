import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ifMissing } from '../../disk/missing.js';
import { makeDirectory } from '../../disk/make-directory.js';
import { syncDirectory } from '../../disk/sync-directory.js';
import type { ReplayMark } from '../event-queue.js';

/** How far the replay of this instance's dead letters is: they are files of its own, and so is this. */
export class ReplayMarkFile {
  private stored: ReplayMark | undefined;

  private constructor(private readonly path: string) {}

  static async load(directory: string, sink: string): Promise<ReplayMarkFile> {
    const file = new ReplayMarkFile(join(directory, `${sink}.replay-mark.json`));
    const text = await readFile(file.path, 'utf8').catch(ifMissing(undefined));
    file.stored = text === undefined ? undefined : (JSON.parse(text) as ReplayMark);
    return file;
  }

  get mark(): ReplayMark | undefined {
    return this.stored;
  }

  /** Durable when it resolves. */
  async save(mark: ReplayMark | undefined): Promise<void> {
    if (mark === this.stored) {
      return;
    }
    await makeDirectory(dirname(this.path), 0o700);
    if (mark) {
      const next = `${this.path}.new`;
      const handle = await open(next, 'w', 0o600);
      try {
        await handle.writeFile(JSON.stringify(mark));
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(next, this.path);
    } else {
      await rm(this.path, { force: true });
    }
    await syncDirectory(dirname(this.path));
    this.stored = mark;
  }
}
