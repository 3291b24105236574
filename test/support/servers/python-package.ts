import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * Installs a package for Python into a folder of its own under `.cache`, once. Whole or not at all.
 * @param wanted with its version: `name==1.2.3`
 * @param others that it needs, and whose version matters
 * @returns the folder of its programs; undefined where Python or the package cannot be had
 */
export function pythonPackage(wanted: string, ...others: readonly string[]): string | undefined {
  const directory = resolve('.cache/python', wanted);
  try {
    if (!existsSync(directory)) {
      install([wanted, ...others], directory);
    }
    return join(directory, 'bin');
  } catch {
    return undefined;
  }
}

/** Programs of a moved environment name the folder where it was made, so they are run by its Python. */
function install(wanted: readonly string[], directory: string): void {
  const fresh = `${directory}.${process.pid}`;
  mkdirSync(resolve(directory, '..'), { recursive: true });
  try {
    execFileSync('python3', ['-m', 'venv', fresh], { stdio: 'pipe' });
    const pip = ['-m', 'pip', 'install', '--quiet', ...wanted];
    execFileSync(join(fresh, 'bin/python'), pip, { stdio: 'pipe' });
    renameSync(fresh, directory);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
