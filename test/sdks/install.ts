import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { copyFile, cp, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { pythonPackage } from '../support/servers/python-package.js';

const run = promisify(execFile);

/** SDKs stay there from run to run. They are no dependencies of the program. */
const CACHE = resolve('.cache/sdks');
const PROGRAMS = resolve('test/sdks/programs');

/** How a program that uses an SDK is started. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

export function hasTool(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const NPM_PACKAGES = {
  '@segment/analytics-node': '3.1.0',
  '@segment/analytics-next': '1.84.3',
  '@rudderstack/analytics-js': '3.34.1',
  '@rudderstack/rudder-sdk-node': '3.0.13',
};
export type NpmPackage = keyof typeof NPM_PACKAGES;

/** A folder for each, so that two tests never install into one. @returns the folder of its `node_modules` */
export async function npmPackage(name: NpmPackage): Promise<string> {
  const version = NPM_PACKAGES[name];
  const directory = join(CACHE, 'npm', `${name.replace(/^.*\//, '')}-${version}`);
  if (!existsSync(join(directory, 'installed'))) {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'package.json'), '{"private":true,"type":"module"}');
    const wanted = ['install', '--no-audit', '--no-fund', '--ignore-scripts'];
    await run('npm', [...wanted, `${name}@${version}`], { cwd: directory });
    await writeFile(join(directory, 'installed'), '');
  }
  return directory;
}

export async function nodeProgram(name: NpmPackage, file: string): Promise<Program> {
  const directory = await npmPackage(name);
  // Node looks for packages where the file is.
  await copyFile(join(PROGRAMS, file), join(directory, file));
  return { command: process.execPath, args: [join(directory, file)] };
}

export async function pythonProgram(): Promise<Program> {
  const wanted = 'segment-analytics-python==2.4.0';
  const programs = pythonPackage(wanted);
  if (programs === undefined) {
    throw new Error(`${wanted} cannot be installed`);
  }
  return { command: join(programs, 'python'), args: [join(PROGRAMS, 'python.py')] };
}

export async function goProgram(): Promise<Program> {
  const directory = join(CACHE, 'go-3.3.0');
  const binary = join(directory, 'program');
  await cp(join(PROGRAMS, 'go'), directory, { recursive: true });
  await run('go', ['mod', 'tidy'], { cwd: directory });
  await run('go', ['build', '-o', binary, '.'], { cwd: directory });
  return { command: binary, args: [] };
}

export async function javaProgram(): Promise<Program> {
  const directory = join(CACHE, 'java-3.5.2');
  await cp(join(PROGRAMS, 'java/pom.xml'), join(directory, 'pom.xml'));
  await cp(join(PROGRAMS, 'java/Main.java'), join(directory, 'src/main/java/Main.java'));
  const goals = ['compile', 'dependency:copy-dependencies'];
  await run('mvn', ['--quiet', '--batch-mode', ...goals], { cwd: directory });
  const classes = [join(directory, 'target/classes'), join(directory, 'target/dependency/*')];
  return { command: 'java', args: ['-cp', classes.join(delimiter), 'Main'] };
}
