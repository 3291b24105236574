import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { debianProgram } from '../servers/debian-program.js';

const STRACE = debianProgram('strace', ['strace', 'libunwind8']);

/** Whether this process may trace its children. */
export const canTrace = STRACE !== undefined;

/** What changes files, and what answers clients. */
const TRACED =
  'openat,write,writev,pwrite64,pwritev,fdatasync,fsync,ftruncate,truncate,rename,unlink,mkdir';

/** A system call that has returned. The order of two is that of their entries or returns in the trace. */
export interface SystemCall {
  readonly name: string;
  /** As strace prints them, files with their paths. */
  readonly args: string;
  readonly result: number;
  /** strace held it up, or made it fail. */
  readonly injected: boolean;
  /** Line of the trace. */
  readonly entered: number;
  readonly returned: number;
}

/** The command line that runs a program under trace; the program keeps the process id. */
export function traced(file: string, inject: readonly string[] = []): readonly string[] {
  const output = ['-D', '-f', '-qq', '-yy', '-x', '-s', '16000000', '-o', file];
  return [
    STRACE?.path ?? 'strace',
    ...output,
    '-e',
    `trace=${TRACED}`,
    '-e',
    'signal=none',
    ...inject.flatMap((expression) => ['-e', `inject=${expression}`]),
  ];
}

/** Interferes with the system calls of a process that runs already, until it is stopped. */
export class Interference {
  private constructor(
    private readonly strace: ChildProcess,
    private readonly file: string,
  ) {}

  /** @param paths where the calls are interfered with; everywhere if there are none */
  static async begin(
    pid: number,
    calls: string,
    inject: string,
    file: string,
    paths: readonly string[] = [],
  ): Promise<Interference> {
    const only = paths.flatMap((path) => ['-P', path]);
    const attaching = ['-f', '-yy', '-x', '-o', file, ...only, '-p', String(pid)];
    const strace = spawn(
      STRACE?.path ?? 'strace',
      [...attaching, '-e', `trace=${calls}`, '-e', `inject=${calls}:${inject}`],
      { env: { ...process.env, ...STRACE?.environment }, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const told = createInterface({ input: strace.stderr });
    for await (const line of told) {
      if (line.includes('attached')) {
        break;
      }
    }
    strace.stderr.resume();
    return new Interference(strace, file);
  }

  /** @returns what was interfered with */
  async end(): Promise<readonly SystemCall[]> {
    this.strace.kill('SIGINT');
    await once(this.strace, 'close');
    return (await readTrace(this.file)).filter(({ injected }) => injected);
  }
}

const LINE = /^(?<thread>\d+) +(?:<\.\.\. (?<resumed>\w+) resumed>)?(?<rest>.*)$/s;
const CALL = /^(?<name>\w+)\((?<args>.*)$/s;
const END = /^(?<args>.*)\) += (?<result>-?\d+|\?)(?<note>.*)$/s;

/** Calls in the order in which they were entered; those that never returned are not among them. */
export async function readTrace(file: string): Promise<readonly SystemCall[]> {
  const calls: SystemCall[] = [];
  const begun = new Map<string, { name: string; args: string; entered: number }>();
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file, 'latin1') })) {
    number += 1;
    const { thread = '', resumed, rest = '' } = LINE.exec(line)?.groups ?? {};
    const call = resumed === undefined ? CALL.exec(rest)?.groups : undefined;
    const unfinished = / <unfinished \.\.\.>$/;
    if (call && unfinished.test(rest)) {
      const args = (call['args'] ?? '').replace(unfinished, '');
      begun.set(thread, { name: call['name'] ?? '', args, entered: number });
      continue;
    }
    const start = call ? undefined : begun.get(thread);
    const end = END.exec(call ? (call['args'] ?? '') : rest)?.groups;
    if (!end || (!call && !start)) {
      continue;
    }
    begun.delete(thread);
    calls.push({
      name: start?.name ?? call?.['name'] ?? '',
      args: (start?.args ?? '') + (end['args'] ?? ''),
      result: Number(end['result']),
      injected: /\((?:DELAYED|INJECTED)\)/.test(end['note'] ?? ''),
      entered: start?.entered ?? number,
      returned: number,
    });
  }
  return calls.toSorted((a, b) => a.entered - b.entered);
}

/** The path or address of the descriptor that a call is about. */
export function subjectOf({ args }: SystemCall): string {
  return /^\d+<(?<subject>TCP[^ ]*\]|[^>]*)>/.exec(args)?.groups?.['subject'] ?? '';
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  f: '\f',
  v: '\v',
  '"': '"',
  '\\': '\\',
};

/** The strings among the arguments, one after the other: for a write, what was written. */
export function stringsIn(args: string): Buffer[] {
  return Array.from(args.matchAll(/"(?<text>(?:[^"\\]|\\.)*)"/g), (match) =>
    Buffer.from(
      (match.groups?.['text'] ?? '').replaceAll(
        /\\(?:x(?<hex>[\da-f]{2})|(?<octal>[0-7]{1,3})|(?<plain>.))/g,
        (_, hex: string | undefined, octal: string | undefined, plain: string | undefined) =>
          hex !== undefined
            ? String.fromCodePoint(Number.parseInt(hex, 16))
            : octal !== undefined
              ? String.fromCodePoint(Number.parseInt(octal, 8))
              : (ESCAPES[plain ?? ''] ?? plain ?? ''),
      ),
      'latin1',
    ),
  );
}

export const isWrite = ({ name }: SystemCall): boolean => /^p?writev?(?:64)?$/.test(name);

/** What a write wrote. */
export const contentOf = ({ args }: SystemCall): Buffer => Buffer.concat(stringsIn(args));
