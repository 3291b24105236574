import type fs from 'node:fs';
import type promises from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

type Callback = (error: Error | null, ...results: unknown[]) => void;

/** What would be on the medium if the power went now: a file's bytes up to `synced`, and anything after them. */
export interface Unsynced {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

interface OpenFile {
  readonly path: string;
  readonly unsynced: Unsynced[];
}

/**
 * Stands between the queue and its files in this process: it knows what was written and not synced, can
 * keep syncs from returning, and can fail. It does not really sync: no power goes off here.
 */
export class UnreliableDisk {
  failing: 'write' | 'sync' | undefined;
  private readonly files = new Map<number, OpenFile>();
  private readonly kept = new Map<string, Buffer>();
  private inherited: readonly Unsynced[] = [];
  private releaseSyncs: (() => void) | undefined;
  private held = Promise.resolve();

  /** No sync returns until `release`. */
  hold(): void {
    this.held = new Promise((resolve) => {
      this.releaseSyncs = resolve;
    });
  }

  release(): void {
    this.releaseSyncs?.();
    this.held = Promise.resolve();
  }

  /** Nothing that was done so far is in question any more. */
  forget(): void {
    this.files.clear();
    this.kept.clear();
    this.inherited = [];
  }

  /** What a killed process has written and not synced: it is there, until the power goes. */
  inherit(unsynced: readonly Unsynced[]): void {
    this.inherited = unsynced;
  }

  get unsynced(): Unsynced[] {
    return [...this.inherited, ...[...this.files.values()].flatMap((file) => file.unsynced)];
  }

  /** Files that were removed, as they were: a power cut may bring them back. */
  get removed(): ReadonlyMap<string, Buffer> {
    return this.kept;
  }

  /** In the place of functions of `node:fs`. */
  callbacks(real: typeof fs): Partial<typeof fs> {
    const open = (path: string, ...rest: unknown[]): void => {
      const done = rest.pop() as Callback;
      (real.open as (...args: unknown[]) => void)(path, ...rest, (error: Error, fd: number) => {
        if (!error) {
          this.opened(fd, path);
        }
        done(error, fd);
      });
    };
    const write = (
      fd: number,
      bytes: Buffer,
      offset: number,
      length: number,
      position: number,
      done: Callback,
    ): void => {
      const fails = this.failing === 'write';
      const part = fails ? Math.floor(length / 2) : length;
      real.write(fd, bytes, offset, part, position, (error, written) => {
        this.wrote(fd, position, position + written);
        done(fails ? ioError() : error, written);
      });
    };
    const fdatasync = (fd: number, done: Callback): void => {
      this.sync(fd).then(
        () => done(null),
        (error: Error) => done(error),
      );
    };
    const close = (fd: number, done: Callback): void => {
      this.files.delete(fd);
      real.close(fd, done);
    };
    return { open, write, fdatasync, close } as unknown as Partial<typeof fs>;
  }

  /** In the place of functions of `node:fs/promises`. */
  promises(
    real: typeof promises,
    { readFileSync, truncateSync, unlinkSync }: typeof fs,
  ): Partial<typeof promises> {
    const open = async (path: string, ...rest: unknown[]): Promise<FileHandle> => {
      const handle = await (real.open as (...args: unknown[]) => Promise<FileHandle>)(
        path,
        ...rest,
      );
      return typeof rest[0] === 'number' ? this.writable(path, handle) : this.readable(handle);
    };
    // Both happen within one turn: no file vanishes or shrinks while a copy of the directory is made.
    const unlink = async (path: string): Promise<void> => unlinkSync(path);
    const truncate = async (path: string, length = 0): Promise<void> => {
      if (length === 0) {
        this.kept.set(path, readFileSync(path));
      }
      truncateSync(path, length);
      for (const file of this.files.values()) {
        if (file.path === path) {
          file.unsynced.splice(0);
        }
      }
    };
    return { open, truncate, unlink } as unknown as Partial<typeof promises>;
  }

  private writable(path: string, handle: FileHandle): FileHandle {
    this.opened(handle.fd, path);
    const used = {
      write: async (bytes: Buffer, offset: number, length: number, position: number) => {
        if (this.failing === 'write') {
          throw ioError();
        }
        const { bytesWritten } = await handle.write(bytes, offset, length, position);
        this.wrote(handle.fd, position, position + bytesWritten);
        return { bytesWritten };
      },
      datasync: () => this.sync(handle.fd),
      stat: () => handle.stat(),
      close: () => {
        this.files.delete(handle.fd);
        return handle.close();
      },
    };
    return used as unknown as FileHandle;
  }

  private readable(handle: FileHandle): FileHandle {
    handle.sync = () => Promise.resolve();
    return handle;
  }

  private opened(fd: number, path: string): void {
    const ofThis = (range: Unsynced): boolean => range.path === path;
    this.files.set(fd, { path, unsynced: this.inherited.filter(ofThis) });
    this.inherited = this.inherited.filter((range) => !ofThis(range));
  }

  private wrote(fd: number, start: number, end: number): void {
    const file = this.files.get(fd);
    file?.unsynced.push({ path: file.path, start, end });
  }

  private async sync(fd: number): Promise<void> {
    const file = this.files.get(fd);
    const covered = file?.unsynced.length ?? 0;
    await this.held;
    await new Promise((resolve) => setImmediate(resolve));
    if (this.failing) {
      throw ioError();
    }
    file?.unsynced.splice(0, covered);
  }
}

/** There is one: the queue's code is loaded once, with these functions in it. */
export const disk = new UnreliableDisk();

function ioError(): Error {
  return Object.assign(new Error('EIO: the disk fails'), { code: 'EIO' });
}
