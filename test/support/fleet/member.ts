import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Ledger } from '../../../src/metrics/pipeline-observer.js';
import type { Progress } from '../../../src/queueing/event-queue.js';

export interface MemberSettings {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly groupPrefix: string;
  readonly instanceId: string;
  readonly sinks: readonly string[];
  readonly sessionMs: number;
  readonly batchEvents: number;
  /** How long a sink takes for a batch. */
  readonly writeMs: number;
  /** For what is delivered, and for the dead letters. */
  readonly directory: string;
}

export interface SinkState {
  readonly progress: Required<Progress>;
  readonly depth: number;
  readonly partitions: { readonly all: number; readonly owned: number };
  readonly owned: readonly number[];
  readonly holding?: string;
  readonly ledger: Required<Ledger>;
}

/** One instance that delivers, as a process of its own. */
export class Member {
  /** What it says of itself, all its lives. */
  log = '';
  private child: ChildProcess | undefined;
  private answers: AsyncIterator<string> | undefined;

  constructor(private readonly settings: MemberSettings) {}

  get instanceId(): string {
    return this.settings.instanceId;
  }

  start(): void {
    const [loader = '', program = ''] = ['../typescript-loader.mjs', 'member-child.ts'].map(
      (name) => join(import.meta.dirname, name),
    );
    const child = spawn(
      process.execPath,
      ['--import', loader, program, JSON.stringify(this.settings)],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    child.stderr.on('data', (chunk: Buffer) => {
      this.log += chunk.toString();
    });
    this.answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.child = child;
  }

  /** Of each sink. */
  async state(): Promise<Readonly<Record<string, SinkState>>> {
    this.child?.stdin?.write('\n');
    const answer = await this.answers?.next();
    if (!answer || answer.done) {
      throw new Error(`the member has ended:\n${this.log}`);
    }
    return JSON.parse(answer.value) as Readonly<Record<string, SinkState>>;
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  /** Resolves when it has ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await once(child, 'close');
    }
  }

  /** From now on its sink takes nothing, or takes everything again. */
  setDown(sink: string, isDown: boolean): void {
    const path = join(this.settings.directory, `${sink}.${this.instanceId}.down`);
    if (isDown) {
      writeFileSync(path, '');
    } else {
      rmSync(path, { force: true });
    }
  }
}

/** What all members have delivered to the sink, in any order. */
export function delivered(directory: string, sink: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(`${sink}.`) && name.endsWith('.ndjson'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
    .filter((line) => line !== '');
}
