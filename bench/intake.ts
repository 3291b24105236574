// Measures durable pixels a second, with wrk from Debian's package, beside the plainest durable server in the
// same run: the machine's mood is in both figures, the ratio is what compares.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { cpuSeconds, peakResidentBytes } from '../test/support/servers/process-figures.js';
import { type Load, wrk } from './wrk.js';

const CONNECTIONS = 64;
const SECONDS = 10;
/** Before the measurement, for both: V8 compiles what is hot. */
const WARM_UP_SECONDS = 3;
const ROUNDS = 3;

async function portIn(
  child: ChildProcess,
  stream: 'stdout' | 'stderr',
  pattern: RegExp,
): Promise<number> {
  const input = child[stream];
  if (!input) {
    throw new Error(`no ${stream}`);
  }
  for await (const line of createInterface({ input })) {
    const port = pattern.exec(line)?.[1];
    if (port !== undefined) {
      input.resume();
      return Number(port);
    }
  }
  throw new Error('the server ended before it listened');
}

interface Measured extends Load {
  readonly cpuMicrosecondsPerRequest: number;
  readonly peakMiB: number;
}

async function measure(child: ChildProcess, port: number): Promise<Measured> {
  const pid = child.pid ?? 0;
  await wrk(port, { connections: CONNECTIONS, seconds: WARM_UP_SECONDS });
  const before = await cpuSeconds(pid);
  const load = await wrk(port, { connections: CONNECTIONS, seconds: SECONDS });
  return {
    ...load,
    cpuMicrosecondsPerRequest: ((await cpuSeconds(pid)) - before) * (1e6 / load.requests),
    peakMiB: (await peakResidentBytes(pid)) / 1_048_576,
  };
}

async function withServer<T>(
  args: readonly string[],
  listening: readonly ['stdout' | 'stderr', RegExp],
  use: (child: ChildProcess, port: number) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-bench-'));
  const child = spawn(process.execPath, args, {
    cwd: directory,
    env: { PATH: process.env['PATH'], SERVER_ADDR: '127.0.0.1:0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  try {
    return await use(child, await portIn(child, ...listening));
  } finally {
    child.kill('SIGTERM');
    await exited;
    await rm(directory, { recursive: true });
  }
}

function report(name: string, { requestsPerSecond, failures, ...rest }: Measured): void {
  console.log(
    `${name.padEnd(12)} ${requestsPerSecond.toFixed(0).padStart(7)} requests/s  ${failures} failed  ` +
      `${rest.cpuMicrosecondsPerRequest.toFixed(1)} µs CPU a request  ${rest.peakMiB.toFixed(0)} MiB peak`,
  );
}

export async function run(): Promise<void> {
  console.log(
    `wrk -t1 -c${CONNECTIONS} -d${SECONDS}s, ${ROUNDS} rounds, one process each, after ${WARM_UP_SECONDS} s of warm-up; log sink on\n`,
  );
  const rounds: { readonly gotrack: Measured; readonly plain: Measured }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const gotrack = await withServer(
      [resolve('dist/cli.js'), 'serve'],
      ['stderr', /collector listens on .* port (\d+)/],
      measure,
    );
    report('gotrack', gotrack);
    const plain = await withServer(
      [resolve('bench/plain-log-server.ts')],
      ['stdout', /^(\d+)$/],
      measure,
    );
    report('plain log', plain);
    rounds.push({ gotrack, plain });
  }
  const ratios = rounds.map(
    ({ gotrack, plain }) => gotrack.requestsPerSecond / plain.requestsPerSecond,
  );
  const best = Math.max(...rounds.map(({ gotrack }) => gotrack.requestsPerSecond));
  console.log(
    `\nbest ${best.toFixed(0)} requests/s; ratios to the plain log ${ratios.map((r) => r.toFixed(2)).join(', ')}`,
  );
  if (rounds.some(({ gotrack }) => gotrack.failures > 0)) {
    process.exitCode = 1;
  }
}
