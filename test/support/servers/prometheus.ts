import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { until } from './collector.js';
import { debianProgram } from './debian-program.js';

/** Paths of the programs. */
export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

/** Those of Debian's package; undefined, and said why, where they cannot be had. */
export function findPrometheus(): PrometheusPrograms | undefined {
  const [prometheus, promtool] = ['prometheus', 'promtool'].map(
    (name) => debianProgram(name, ['prometheus'])?.path,
  );
  if (prometheus === undefined || promtool === undefined) {
    process.stderr.write('no Prometheus to test with: Debian has no package of it here\n');
    return undefined;
  }
  return { prometheus, promtool };
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
