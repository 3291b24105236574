import { execFile, execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const CACHE = resolve('.cache/debian');

export interface Program {
  readonly path: string;
  /** What its process needs beside the usual. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * A program of Debian's: the installed one, or one that is unpacked under `.cache/` and not installed.
 * @param packages the one that holds it, and the libraries that a fresh machine may not have
 * @returns undefined where it cannot be had
 */
export function debianProgram(name: string, packages: readonly string[]): Program | undefined {
  const installed = installedProgram(name);
  if (installed !== undefined) {
    return { path: installed, environment: {} };
  }
  const directory = unpackedOnce(packages, ['download', ...packages]);
  return directory === undefined
    ? undefined
    : programIn(directory, [`usr/bin/${name}`, `usr/sbin/${name}`]);
}

/**
 * The packages, and all that they need and this machine does not have, unpacked under `.cache/` and not installed.
 * @returns the directory; undefined where they cannot be had
 */
export function debianTree(packages: readonly string[]): string | undefined {
  return unpackedOnce(packages, [
    'install',
    '--yes',
    '--no-install-recommends',
    '--download-only',
    // Nothing is installed, so that no other apt-get needs to wait, nor has this one to be root.
    '--option=Debug::NoLocking=1',
    '--option=Dir::Cache::archives=./',
    ...packages,
  ]);
}

/** @param places paths below the directory, of which the first that exists counts; `*` as a shell has it */
export function programIn(directory: string, places: readonly string[]): Program | undefined {
  const [path] = places.flatMap((place) => globSync(place, { cwd: directory }));
  const libraries = globSync('usr/lib/*-linux-gnu', { cwd: directory });
  return path === undefined
    ? undefined
    : {
        path: join(directory, path),
        environment: {
          LD_LIBRARY_PATH: libraries.map((library) => join(directory, library)).join(':'),
        },
      };
}

/** @returns its path */
export function installedProgram(name: string): string | undefined {
  return ['/usr/bin', '/usr/sbin', '/usr/local/bin']
    .map((directory) => join(directory, name))
    .find((path) => existsSync(path));
}

/**
 * Runs one to its end.
 * @returns its standard output
 */
export async function runDebianProgram(
  name: string,
  packages: readonly string[],
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const program = debianProgram(name, packages);
  if (!program) {
    throw new Error(`there is no ${name} here, and Debian's package of it cannot be had`);
  }
  const env = { ...process.env, ...program.environment, ...environment };
  return (await promisify(execFile)(program.path, args, { env })).stdout;
}

/**
 * @param fetch what tells apt-get to fetch the packages into the directory that it runs in
 * @returns undefined where they cannot be had
 */
function unpackedOnce(packages: readonly string[], fetch: readonly string[]): string | undefined {
  const directory = join(CACHE, packages.join('+'));
  try {
    if (!existsSync(directory)) {
      unpack(fetch, directory);
    }
    return directory;
  } catch {
    return undefined;
  }
}

/** Whole or not at all: several workers may do it at the same time. */
function unpack(fetch: readonly string[], directory: string): void {
  mkdirSync(CACHE, { recursive: true });
  const scratch = mkdtempSync(join(CACHE, 'unpacking-'));
  const run = (command: string, args: readonly string[]): void => {
    execFileSync(command, args, { cwd: scratch, stdio: 'ignore' });
  };
  try {
    mkdirSync(join(scratch, 'partial'));
    try {
      run('apt-get', fetch);
    } catch {
      // A fresh machine has no lists yet; only one worker at a time may fetch them.
      run('flock', [join(CACHE, 'lock'), 'apt-get', 'update']);
      run('apt-get', fetch);
    }
    for (const archive of globSync('*.deb', { cwd: scratch })) {
      run('dpkg', ['-x', archive, 'unpacked']);
    }
    renameSync(join(scratch, 'unpacked'), directory);
  } catch (error) {
    if (!existsSync(directory)) {
      throw error;
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
