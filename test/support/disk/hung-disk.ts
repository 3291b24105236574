import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Collector, until } from '../servers/collector.js';
import { debianProgram } from '../servers/debian-program.js';

const STRACE = debianProgram('strace', ['strace', 'libunwind8']);

/** Longer than any test waits: 2,000 s, in microseconds. */
export const NEVER = 2_000_000_000;

const CALLS = [
  'access,faccessat,faccessat2,stat,statx,newfstatat,lstat,fstat,readlink,statfs,fstatfs',
  'open,openat,mkdir,rename,renameat2,unlink,unlinkat,getdents64,close',
  'read,pread64,write,writev,pwrite64,pwritev,ftruncate,truncate,fsync,fdatasync,fcntl',
].join(',');

/** The command line that runs a program to which a directory, and the files of these names in it, never answer. */
export function withHungDisk(
  directory: string,
  names: readonly string[],
  trace: string,
): readonly string[] {
  mkdirSync(directory, { recursive: true });
  return withHungPaths([directory, ...names.map((name) => join(directory, name))], trace);
}

/** The same, for calls on these paths alone. */
export function withHungPaths(
  paths: readonly string[],
  trace: string,
  calls = CALLS,
): readonly string[] {
  const output = ['-D', '-f', '-qq', '-o', trace];
  const expressions = [`trace=${calls}`, 'signal=none', `inject=${calls}:delay_enter=${NEVER}`];
  return [
    STRACE?.path ?? 'strace',
    ...output,
    ...expressions.flatMap((expression) => ['-e', expression]),
    ...paths.flatMap((path) => ['-P', path]),
  ];
}

/** How many calls hang, by the trace. */
export function hangingCalls(trace: string): number {
  const text = existsSync(trace) ? readFileSync(trace, 'latin1') : '';
  return text.split('\n').filter((line) => /^\d+ +\w+\(/.test(line)).length;
}

/**
 * Waits until the program has ended itself. What strace holds up cannot end before strace does.
 * @returns the signal
 */
export async function killedItself(collector: Collector): Promise<NodeJS.Signals | number> {
  await until(() => collector.end !== undefined || /^State:\s+Z/m.test(statusOf(collector)));
  endTrace(collector);
  await collector.ended();
  return collector.end ?? 0;
}

/** Ends the strace that holds the program up, if one does. */
export function endTrace(collector: Collector): void {
  const tracer = Number(/^TracerPid:\s*(\d+)$/m.exec(statusOf(collector))?.[1] ?? 0);
  if (tracer > 0) {
    process.kill(tracer, 'SIGKILL');
  }
}

function statusOf({ pid }: Collector): string {
  const path = `/proc/${pid}/status`;
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
