import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { stringsIn, subjectOf, type SystemCall } from './syscall-trace.js';

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

/** A change of a file's content: bytes at an offset, or a new length. */
interface Change {
  readonly entered: number;
  readonly offset: number;
  /** Undefined: the file is cut, or filled up with zeros, to the offset. */
  readonly bytes: Buffer | undefined;
}

interface File {
  readonly changes: Change[];
  /** Lines of the trace at which a completed sync began and ended. */
  readonly syncs: Sync[];
  size: number;
}

interface Sync {
  readonly entered: number;
  readonly returned: number;
}

/** A name that a directory gets, loses, or gives to another file. */
interface Entry {
  readonly entered: number;
  readonly name: string;
  readonly file: File | undefined;
}

interface Directory {
  readonly entries: Entry[];
  readonly syncs: Sync[];
  readonly names: Map<string, File>;
}

/** Decides what of the unsynced a power cut leaves; true: it is there. */
export type Chance = () => boolean;

/**
 * What the system calls of a process made of the files under a directory, and what a power cut may leave of it. Whatever
 * a completed sync covers is there. Of everything else any part may be: of names each change or not, of content each
 * sector or not, in the order in which they were made.
 */
export class RecordedFiles {
  private readonly directories = new Map<string, Directory>();

  constructor(
    calls: readonly SystemCall[],
    private readonly root: string,
    workingDirectory: string,
  ) {
    for (const call of calls.filter(({ result }) => result >= 0)) {
      this.record(call, (path) => resolve(workingDirectory, path));
    }
  }

  /** Writes what is left when the power goes at this line of the trace. */
  async writeImage(target: string, cut: number, chance: Chance): Promise<void> {
    await mkdir(target, { recursive: true });
    for (const [path, directory] of this.directories) {
      const place = join(target, relative(this.root, path));
      await mkdir(place, { recursive: true });
      const names = new Map<string, File>();
      const kept = remaining(directory.entries, directory.syncs, cut, chance);
      for (const { name, file } of kept) {
        if (file) {
          names.set(name, file);
        } else {
          names.delete(name);
        }
      }
      for (const [name, file] of names) {
        await writeFile(join(place, name), contentAt(file, cut, chance));
      }
    }
  }

  private record(call: SystemCall, absolute: (path: string) => string): void {
    const { name, args, entered, returned } = call;
    const [first, second] = stringsIn(args).map((text) => text.toString('latin1'));
    switch (name) {
      case 'openat':
        if (args.includes('O_CREAT') || args.includes('O_TRUNC')) {
          this.create(absolute(first ?? ''), args.includes('O_TRUNC'), entered);
        }
        break;
      case 'mkdir':
        this.directoryOf(join(absolute(first ?? ''), 'x'));
        break;
      case 'rename':
        this.rename(absolute(first ?? ''), absolute(second ?? ''), entered);
        break;
      case 'unlink':
        this.name(absolute(first ?? ''), undefined, entered);
        break;
      case 'truncate':
        this.resize(this.fileAt(absolute(first ?? '')), lastNumber(args), entered);
        break;
      case 'ftruncate':
        this.resize(this.fileAt(subjectOf(call)), lastNumber(args), entered);
        break;
      case 'fsync':
      case 'fdatasync': {
        const synced = this.directories.get(subjectOf(call)) ?? this.fileAt(subjectOf(call));
        synced?.syncs.push({ entered, returned });
        break;
      }
      default:
        this.write(call);
    }
  }

  private write(call: SystemCall): void {
    const file = this.fileAt(subjectOf(call));
    if (!file) {
      return;
    }
    const bytes = Buffer.concat(stringsIn(call.args)).subarray(0, call.result);
    const offset = call.name.startsWith('pwrite') ? lastNumber(call.args) : file.size;
    file.changes.push({ entered: call.entered, offset, bytes });
    file.size = Math.max(file.size, offset + bytes.length);
  }

  private create(path: string, truncates: boolean, entered: number): void {
    const existing = this.fileAt(path);
    if (existing) {
      if (truncates) {
        this.resize(existing, 0, entered);
      }
      return;
    }
    this.name(path, { changes: [], syncs: [], size: 0 }, entered);
  }

  private rename(from: string, to: string, entered: number): void {
    const file = this.fileAt(from);
    if (file) {
      this.name(to, file, entered);
      this.name(from, undefined, entered);
    }
  }

  private resize(file: File | undefined, size: number, entered: number): void {
    if (file) {
      file.changes.push({ entered, offset: size, bytes: undefined });
      file.size = size;
    }
  }

  private name(path: string, file: File | undefined, entered: number): void {
    const directory = this.directoryOf(path);
    directory?.entries.push({ entered, name: basename(path), file });
    if (file) {
      directory?.names.set(basename(path), file);
    } else {
      directory?.names.delete(basename(path));
    }
  }

  private fileAt(path: string): File | undefined {
    return this.directories.get(dirname(path))?.names.get(basename(path));
  }

  private directoryOf(path: string): Directory | undefined {
    const place = dirname(path);
    if (relative(this.root, place).startsWith('..')) {
      return undefined;
    }
    const known = this.directories.get(place);
    const directory = known ?? { entries: [], syncs: [], names: new Map<string, File>() };
    this.directories.set(place, directory);
    return directory;
  }
}

function lastNumber(args: string): number {
  return Number(/(\d+)$/.exec(args)?.[1]);
}

/** What the last sync that was complete at the cut covers, and some of the rest. */
function remaining<T extends { readonly entered: number }>(
  changes: readonly T[],
  syncs: readonly Sync[],
  cut: number,
  chance: Chance,
): T[] {
  const covered = Math.max(
    -1,
    ...syncs.filter(({ returned }) => returned < cut).map(({ entered }) => entered),
  );
  return changes.filter(({ entered }) => entered < covered || (entered < cut && chance()));
}

function contentAt({ changes, syncs }: File, cut: number, chance: Chance): Buffer {
  const covered = new Set(remaining(changes, syncs, cut, () => false));
  let content = Buffer.alloc(0);
  for (const change of remaining(changes, syncs, cut, chance)) {
    const { offset, bytes } = change;
    const end = bytes ? Math.max(content.length, offset + bytes.length) : offset;
    const next = Buffer.alloc(end);
    content.copy(next);
    const length = bytes?.length ?? 0;
    for (let at = 0; at < length;) {
      const sectorEnd = at + SECTOR_BYTES - ((offset + at) % SECTOR_BYTES);
      if (covered.has(change) || chance()) {
        bytes?.copy(next, offset + at, at, sectorEnd);
      }
      at = sectorEnd;
    }
    content = next;
  }
  return content;
}
