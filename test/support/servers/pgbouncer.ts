import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { until } from './collector.js';
import { debianProgram } from './debian-program.js';
import { freePort } from './free-port.js';
import { dsnWith, type PostgresServer } from './postgres-server.js';

const PROGRAM = debianProgram('pgbouncer', ['pgbouncer', 'libc-ares2', 'libevent-2.1-7']);

export const canPool = PROGRAM !== undefined;

/**
 * A real PgBouncer before a server. It pools by the transaction: each one gets another of two sessions, and what a
 * session keeps is met by whoever comes next.
 */
export class PgBouncer {
  private constructor(
    /** Of the server's superuser. */
    readonly dsn: string,
    private readonly process: ChildProcess,
    private readonly directory: string,
  ) {}

  static async start(server: PostgresServer): Promise<PgBouncer> {
    const directory = await mkdtemp(join(tmpdir(), 'gotrack-pgbouncer-'));
    // It refuses to run as root.
    await chmod(directory, 0o755);
    const port = await freePort();
    const { username, password, pathname } = new URL(server.dsn);
    const { host, port: serverPort } = server.address;
    const users = join(directory, 'users.txt');
    await writeFile(users, `"${username}" "${decodeURIComponent(password)}"\n`);
    const settings = join(directory, 'pgbouncer.ini');
    await writeFile(
      settings,
      `[databases]
${pathname.slice(1)} = host=${host} port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
default_pool_size = 2
server_round_robin = 1
server_login_retry = 1
`,
    );
    const child = spawn(PROGRAM?.path ?? 'pgbouncer', [settings], {
      env: { ...process.env, ...PROGRAM?.environment },
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(process.getuid?.() === 0 && { uid: Number(execFileSync('id', ['-u', 'postgres'])) }),
    });
    const log: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString()));
    const bouncer = new PgBouncer(dsnWith(server.dsn, { port }), child, directory);
    try {
      await until(async () => {
        if (child.exitCode !== null) {
          throw new Error(`PgBouncer ended with ${child.exitCode}:\n${log.join('')}`);
        }
        await bouncer.query('select');
        return true;
      });
    } catch (error) {
      await bouncer.stop();
      throw error;
    }
    return bouncer;
  }

  /** On a connection of its own. */
  async query(sql: string): Promise<readonly Record<string, unknown>[]> {
    const client = new Client({ connectionString: this.dsn });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill('SIGKILL');
      await once(this.process, 'close');
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}
