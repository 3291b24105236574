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
  return [
    STRACE?.path ?? 'strace',
    ...['-D', '-f', '-qq', '-o', trace, '-e', `trace=${calls}`, '-e', 'signal=none'],
    ...['-e', `inject=${calls}:delay_enter=${NEVER}`],
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
  const status = (): string => {
    const path = `/proc/${collector.pid}/status`;
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  };
  const tracer = Number(/^TracerPid:\s*(\d+)$/m.exec(status())?.[1]);
  await until(() => collector.end !== undefined || /^State:\s+Z/m.test(status()));
  if (tracer > 0) {
    process.kill(tracer, 'SIGKILL');
  }
  await collector.ended();
  return collector.end ?? 0;
}
