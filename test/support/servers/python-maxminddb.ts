import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pythonPackage } from './python-package.js';

const PACKAGE = 'maxminddb==3.2.0';

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
  const programs = pythonPackage(PACKAGE);
  if (programs === undefined) {
    return undefined;
  }
  return {
    records: (path, addresses) =>
      execFileSync(join(programs, 'python'), ['-c', LOOK_UP, path], {
        input: addresses.join('\n'),
        encoding: 'utf8',
        maxBuffer: 256 * 1024 * 1024,
      })
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
  };
}
