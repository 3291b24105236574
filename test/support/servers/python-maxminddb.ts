import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const PACKAGE = 'maxminddb==3.2.0';
const DIRECTORY = resolve('.cache/python', PACKAGE);

const LOOK_UP = `
import json, maxminddb, sys
with maxminddb.open_database(sys.argv[1]) as database:
    for line in sys.stdin:
        print(json.dumps(database.get(line.strip())))
`;

/** Another reader of MMDB files. */
export interface MmdbReader {
  /** The record of each address, in order; null without one. */
  records(path: string, addresses: readonly string[]): unknown[];
}

/** @returns undefined where Python or the package cannot be had */
export function pythonMmdbReader(): MmdbReader | undefined {
  try {
    if (!existsSync(DIRECTORY)) {
      install();
    }
  } catch {
    return undefined;
  }
  return {
    records: (path, addresses) =>
      execFileSync(join(DIRECTORY, 'bin/python'), ['-c', LOOK_UP, path], {
        input: addresses.join('\n'),
        encoding: 'utf8',
        maxBuffer: 256 * 1024 * 1024,
      })
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
  };
}

/** Whole or not at all. */
function install(): void {
  const fresh = `${DIRECTORY}.${process.pid}`;
  mkdirSync(resolve(DIRECTORY, '..'), { recursive: true });
  try {
    execFileSync('python3', ['-m', 'venv', fresh], { stdio: 'pipe' });
    const pip = [join(fresh, 'bin/python'), '-m', 'pip', 'install', '--quiet', PACKAGE];
    execFileSync(pip[0] ?? '', pip.slice(1), { stdio: 'pipe' });
    renameSync(fresh, DIRECTORY);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
