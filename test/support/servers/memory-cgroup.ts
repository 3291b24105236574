import { existsSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where control groups for memory can be made: version 1 and 2, and the file with the limit of each. */
const ROOTS = [
  ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
  ['/sys/fs/cgroup', 'memory.max'],
] as const;

/** A control group that lets what runs in it use so much memory. Linux, as root, outside a container. */
export class MemoryCgroup {
  private constructor(private readonly directory: string) {}

  /** @returns undefined where this process may not make one */
  static create(bytes: number): MemoryCgroup | undefined {
    for (const [root, limit] of ROOTS) {
      const directory = makeIn(root);
      if (directory === undefined) {
        continue;
      }
      if (existsSync(join(directory, limit))) {
        writeFileSync(join(directory, limit), String(bytes));
        return new MemoryCgroup(directory);
      }
      rmdirSync(directory);
    }
    return undefined;
  }

  /** The beginning of a command line whose program runs in it, under the same process id. */
  get command(): readonly string[] {
    const enter = `echo $$ > '${join(this.directory, 'cgroup.procs')}' && exec "$@"`;
    return ['sh', '-c', enter, 'sh'];
  }

  /** Whether it holds this process. */
  holds(pid: number): boolean {
    return readFileSync(join(this.directory, 'cgroup.procs'), 'utf8')
      .split('\n')
      .includes(String(pid));
  }

  /** Once what ran in it has ended. */
  remove(): void {
    rmdirSync(this.directory);
  }
}

function makeIn(root: string): string | undefined {
  try {
    if (!existsSync(root)) {
      return undefined;
    }
    return mkdtempSync(join(root, 'gotrack-'));
  } catch {
    return undefined;
  }
}

/** Whether the memory of a process can be limited here. */
export function canLimitMemory(): boolean {
  try {
    const group = MemoryCgroup.create(1024 ** 3);
    group?.remove();
    return group !== undefined;
  } catch {
    return false;
  }
}
