import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { until } from './collector.js';

/** Paths of the programs. */
export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

const CACHE = resolve('.cache');
const UNPACKED = join(CACHE, 'prometheus', 'usr', 'bin');

/**
 * Those that are installed, else those of Debian's package, unpacked under `.cache` and not installed; undefined, and said why, when
 * there are none to be had.
 */
export async function findPrometheus(): Promise<PrometheusPrograms | undefined> {
  if (runs('prometheus') && runs('promtool')) {
    return { prometheus: 'prometheus', promtool: 'promtool' };
  }
  const unpacked = {
    prometheus: join(UNPACKED, 'prometheus'),
    promtool: join(UNPACKED, 'promtool'),
  };
  if (!existsSync(unpacked.promtool)) {
    try {
      await unpack();
    } catch (error) {
      process.stderr.write(`no Prometheus to test with: ${String(error)}\n`);
      return undefined;
    }
  }
  return runs(unpacked.prometheus) && runs(unpacked.promtool) ? unpacked : undefined;
}

function runs(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Beside its place first: another test may be doing the same. */
async function unpack(): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const directory = await mkdtemp(join(CACHE, 'prometheus-'));
  const stdio = ['ignore', 'ignore', 'pipe'] as const;
  try {
    const download = (): unknown =>
      execFileSync('apt-get', ['download', 'prometheus'], { cwd: directory, stdio: [...stdio] });
    try {
      download();
    } catch {
      // The lists of packages may be old, or missing.
      execFileSync('apt-get', ['update'], { stdio: [...stdio] });
      download();
    }
    execFileSync('sh', ['-c', 'dpkg -x prometheus_*.deb .'], { cwd: directory, stdio: [...stdio] });
    await rename(directory, join(CACHE, 'prometheus')).catch((error: unknown) => {
      if (!existsSync(UNPACKED)) {
        throw error;
      }
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export interface QuerySample {
  readonly metric: Readonly<Record<string, string>>;
  /** Unix seconds and the value as Prometheus writes it. */
  readonly value: readonly [number, string];
}

export interface Rule {
  readonly name: string;
  readonly query: string;
  readonly type: 'alerting' | 'recording';
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly alerts?: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly state: string;
  }[];
}

/** A running Prometheus. */
export class Prometheus {
  private readonly log: string[] = [];
  private readonly exited: Promise<unknown>;

  private constructor(
    private readonly child: ChildProcess,
    errors: NodeJS.ReadableStream,
  ) {
    this.exited = once(child, 'close');
    createInterface({ input: errors }).on('line', (line) => this.log.push(line));
  }

  /** @param directory where its data goes */
  static async start(
    { prometheus }: PrometheusPrograms,
    configFile: string,
    directory: string,
  ): Promise<Prometheus> {
    const child = spawn(
      prometheus,
      [
        `--config.file=${configFile}`,
        `--storage.tsdb.path=${join(directory, 'tsdb')}`,
        '--web.listen-address=127.0.0.1:0',
      ],
      { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const running = new Prometheus(child, child.stderr);
    await until(async () => {
      if (child.exitCode !== null) {
        throw new Error(`Prometheus ended with ${child.exitCode}:\n${running.log.join('\n')}`);
      }
      return running.port > 0 && (await fetch(`${running.url}/-/ready`)).ok;
    });
    return running;
  }

  /** @throws with what Prometheus says when the expression fails */
  async query(expression: string): Promise<readonly QuerySample[]> {
    const { result } = await this.ask<{ result: readonly QuerySample[] }>('query', {
      query: expression,
    });
    return result;
  }

  async labelValues(label: string, selector: string): Promise<readonly string[]> {
    return this.ask<readonly string[]>(`label/${label}/values`, { 'match[]': selector });
  }

  async rules(): Promise<readonly Rule[]> {
    const { groups } = await this.ask<{ groups: readonly { rules: readonly Rule[] }[] }>('rules');
    return groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  private get port(): number {
    const line = this.log.find((text) => text.includes('Listening on'));
    return Number(/127\.0\.0\.1:(\d+)/.exec(line ?? '')?.[1] ?? 0);
  }

  private get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  private async ask<Data>(path: string, parameters: Record<string, string> = {}): Promise<Data> {
    const response = await fetch(
      `${this.url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`,
    );
    const answer = (await response.json()) as { status: string; error?: string; data: Data };
    if (answer.status !== 'success') {
      throw new Error(`${JSON.stringify(parameters)}: ${answer.error}`);
    }
    return answer.data;
  }
}
