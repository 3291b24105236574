import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE_MS } from '../patience.js';
import { parseMetrics, type Sample } from './parse-metrics.js';

const CLI = resolve('dist/cli.js');
/** Where V8 keeps what it has compiled: the program is started hundreds of times. */
const COMPILED = resolve('.cache/compiled');
const POLL_MS = 25;

export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A directory for one test, and everything that is started in it. */
export class Workplace {
  private readonly collectors: Collector[] = [];

  private constructor(readonly directory: string) {}

  static async create(): Promise<Workplace> {
    return new Workplace(await mkdtemp(join(tmpdir(), 'gotrack-')));
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  /**
   * Starts the program and waits until both addresses answer.
   * @param through the command line of a program that runs it, under the same process id
   */
  async start(
    environment: Record<string, string> = {},
    through: readonly string[] = [],
  ): Promise<Collector> {
    const collector = this.launch(environment, through);
    await collector.ready();
    return collector;
  }

  /** Like `start`, without waiting: it may be ended before it is ready. */
  launch(environment: Record<string, string> = {}, through: readonly string[] = []): Collector {
    return this.begin(['serve'], environment, through);
  }

  /** Starts a command of the program, to be watched while it runs. */
  begin(
    args: readonly string[],
    environment: Record<string, string> = {},
    through: readonly string[] = [],
  ): Collector {
    const collector = new Collector(this.spawn(args, environment, through));
    this.collectors.push(collector);
    return collector;
  }

  /** Runs a command of the program to its end. */
  async run(args: readonly string[], environment: Record<string, string> = {}): Promise<Finished> {
    const child = this.spawn(args, environment);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    await once(child, 'close');
    return { exitCode: child.exitCode, stdout, stderr };
  }

  /** The events in the log sink's files, oldest first; fails on a line that is no JSON. */
  async logged(): Promise<LoggedEvent[]> {
    const data = this.path('data');
    const names = existsSync(data) ? await readdir(data) : [];
    const files = names.filter((name) => name.startsWith('events') && name.endsWith('.ndjson'));
    const rotated = files.filter((name) => name !== 'events.ndjson').toSorted();
    const texts = await Promise.all(
      [...rotated, ...files.filter((name) => name === 'events.ndjson')].map((name) =>
        readFile(join(data, name), 'utf8'),
      ),
    );
    return texts
      .flatMap((text) => text.split('\n'))
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LoggedEvent);
  }

  /** Ids of the events in a sink's dead letters; one that is there twice is named twice. */
  async deadLetters(sink: string): Promise<string[]> {
    const path = this.path('data/dead-letters', `${sink}.ndjson`);
    const text = existsSync(path) ? await readFile(path, 'utf8') : '';
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { event: LoggedEvent }).event.event_id);
  }

  /** Ends whatever still runs, and removes the directory. */
  async remove(): Promise<void> {
    await Promise.all(this.collectors.map((collector) => collector.kill()));
    await rm(this.directory, { recursive: true, force: true });
  }

  private spawn(
    args: readonly string[],
    environment: Record<string, string>,
    through: readonly string[] = [],
  ): ChildProcess {
    const [command = '', ...rest] = [...through, process.execPath, CLI, ...args];
    return spawn(command, rest, {
      cwd: this.directory,
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: COMPILED,
        SERVER_ADDR: '127.0.0.1:0',
        METRICS_ENABLED: 'true',
        METRICS_ADDR: '127.0.0.1:0',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}

export interface LoggedEvent {
  readonly event_id: string;
  readonly type: string;
  readonly props?: Record<string, unknown>;
  readonly [field: string]: unknown;
}

/** A running program. */
export class Collector {
  /** Lines of stderr. */
  readonly log: string[] = [];
  /** Lines of stdout. */
  readonly output: string[] = [];
  private readonly exited: Promise<unknown>;

  constructor(private readonly child: ChildProcess) {
    this.exited = once(child, 'close');
    if (!child.stdout || !child.stderr) {
      throw new Error('the program was started without pipes');
    }
    createInterface({ input: child.stderr }).on('line', (line) => this.log.push(line));
    createInterface({ input: child.stdout }).on('line', (line) => this.output.push(line));
  }

  get port(): number {
    return this.listensOn('collector');
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get metricsUrl(): string {
    return `http://127.0.0.1:${this.listensOn('metrics')}`;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The signal that ended it, else its exit code; undefined while it runs. */
  get end(): NodeJS.Signals | number | undefined {
    return this.child.signalCode ?? this.child.exitCode ?? undefined;
  }

  async ready(): Promise<void> {
    await until(() => this.child.exitCode !== null || this.port > 0 || this.delivers);
    if (this.child.exitCode !== null) {
      await this.exited;
      throw new Error(`the program ended with ${this.child.exitCode}:\n${this.log.join('\n')}`);
    }
  }

  /** Ends it in order. @returns its exit code */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.ended();
  }

  /** Waits for its end, and for all that it has written. @returns its exit code */
  async ended(): Promise<number | null> {
    await this.exited;
    return this.child.exitCode;
  }

  /** Ends it at once, as a power cut would. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) {
      return;
    }
    this.child.kill('SIGKILL');
    await this.exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async metrics(): Promise<readonly Sample[]> {
    const response = await fetch(`${this.metricsUrl}/metrics`);
    return parseMetrics(await response.text());
  }

  /** Sum of the series of that name with these labels. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    return sumOf(await this.metrics(), name, labels);
  }

  /** Waits until the sink has confirmed everything that was accepted. */
  async drained(sink = 'log'): Promise<void> {
    await until(async () => {
      const samples = await this.metrics();
      const depths = samples.filter(
        ({ name, labels }) => name === 'gotrack_queue_depth' && labels['sink'] === sink,
      );
      // A queue that could not say it in time leaves it out.
      return depths.length > 0 && depths.every(({ value }) => value === 0);
    });
  }

  /** What has no collector says when it begins. */
  private get delivers(): boolean {
    return this.log.some((line) => line.includes('delivers to'));
  }

  private listensOn(what: string): number {
    const line = this.log.find((text) => text.includes(`${what} listens on`));
    return Number(/port (\d+)/.exec(line ?? '')?.[1] ?? 0);
  }
}

export function sumOf(
  samples: readonly Sample[],
  name: string,
  labels: Record<string, string> = {},
): number {
  return samples
    .filter(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )
    .reduce((sum, { value }) => sum + value, 0);
}

/** Waits for a condition; what it throws ends the wait only when the condition says so by never passing. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const startedAt = performance.now();
  let failure: unknown;
  while (performance.now() - startedAt < PATIENCE_MS) {
    try {
      if (await condition()) {
        return;
      }
      failure = new Error(`not yet: ${condition.toString()}`);
    } catch (error) {
      failure = error;
    }
    await sleep(POLL_MS);
  }
  throw failure;
}

/**
 * Waits for a moment of the program that passes soon: looks every millisecond.
 * @throws when the program has ended before
 */
export async function promptly(collector: Collector, condition: () => boolean): Promise<void> {
  const startedAt = performance.now();
  while (!condition()) {
    if (collector.end !== undefined) {
      throw new Error(`the program ended with ${collector.end}:\n${collector.log.join('\n')}`);
    }
    if (performance.now() - startedAt > PATIENCE_MS) {
      throw new Error(`not yet: ${condition.toString()}`);
    }
    await sleep(1);
  }
}

/** Runs the tasks, so many at a time. */
export async function inParallel(
  width: number,
  tasks: readonly (() => Promise<void>)[],
): Promise<void> {
  const queue = tasks.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const task of queue) {
        await task();
      }
    }),
  );
}
