import { Socket } from 'node:net';
import { Client } from 'pg';
import { RetryableSinkError } from '../sink.js';
import type { Dsn } from './dsn.js';
import { type Encryption, encryptions } from './tls.js';

const CONNECT_TIMEOUT_MS = 5000;
const CLOSE_TIMEOUT_MS = 1000;
const KEEP_ALIVE_DELAY_MS = 30_000;

/** The role may not log in this way: `pg_hba.conf` may ask for TLS, or against it. */
const INVALID_AUTHORIZATION = '28000';
/** The driver's words. */
const NO_TLS = 'The server does not support SSL connections';

/**
 * One connection, made when it is first needed and kept. Any failure ends it, so that what comes next has a fresh
 * one, to where the DSN leads by then. One caller, one call at a time.
 */
export class Connection {
  private client: Client | undefined;
  private socket: Socket | undefined;
  private inUse = false;
  private closed = false;

  /** @param currentDsn asked for each new connection */
  constructor(private readonly currentDsn: () => Dsn) {}

  /** @throws whatever `work` throws, or RetryableSinkError once `limitMs` is over, connecting included */
  async use<T>(limitMs: number, work: (client: Client) => Promise<T>): Promise<T> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.cut();
    }, limitMs);
    this.inUse = true;
    try {
      const client = this.client ?? (await this.connect());
      // There was no socket to cut while the files of the DSN were being read.
      if (late || this.closed) {
        throw new Error('the connection came too late');
      }
      this.client = client;
      return await work(client);
    } catch (error) {
      this.cut();
      throw late
        ? new RetryableSinkError('timeout', `PostgreSQL gave no answer within ${limitMs} ms`)
        : error;
    } finally {
      this.inUse = false;
      clearTimeout(timer);
    }
  }

  /** What is under way fails. */
  async close(): Promise<void> {
    this.closed = true;
    const { client } = this;
    if (client && !this.inUse) {
      const timer = setTimeout(() => this.cut(), CLOSE_TIMEOUT_MS);
      await client.end();
      clearTimeout(timer);
    }
    this.cut();
  }

  private cut(): void {
    this.client = undefined;
    this.socket?.destroy();
  }

  private async connect(): Promise<Client> {
    const dsn = this.currentDsn();
    const [preferred = false, ...others] = await encryptions(dsn);
    try {
      return await this.connectBy(dsn, preferred);
    } catch (error) {
      const [other] = others;
      if (other === undefined || !isAboutEncryption(error)) {
        throw error;
      }
      return this.connectBy(dsn, other);
    }
  }

  private async connectBy(dsn: Dsn, ssl: Encryption): Promise<Client> {
    const socket = new Socket();
    this.socket = socket;
    const client = new Client({
      connectionString: dsn.url,
      ssl,
      // Ours, for the driver has no way to give up a connection that does not answer.
      stream: () => socket,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      fallback_application_name: 'gotrack',
    });
    client.on('error', () => {
      // Lost while idle, else whoever uses it is told as well.
      if (this.client === client) {
        this.client = undefined;
      }
    });
    await client.connect();
    return client;
  }
}

function isAboutEncryption(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.message === NO_TLS || ('code' in error && error.code === INVALID_AUTHORIZATION))
  );
}
