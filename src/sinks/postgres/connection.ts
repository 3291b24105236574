import { Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';
import { LookUps } from '../../threads/look-ups.js';
import { withTimeout } from '../../threads/with-timeout.js';
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

/** One `use` of the connection. */
interface Attempt {
  isOver: boolean;
}

/**
 * One connection, made when it is first needed and kept. Any failure ends it, so that what comes next has a fresh
 * one, to where the DSN leads by then. One caller, one call at a time.
 */
export class Connection {
  private client: Client | undefined;
  private socket: Socket | undefined;
  private inUse = false;
  private closed = false;
  private readonly lookUps = new LookUps();

  /** @param currentDsn is asked for each new connection */
  constructor(private readonly currentDsn: () => Promise<Dsn>) {}

  /** @throws what `work` throws, or RetryableSinkError once `limitMs` is over, connecting included */
  async use<T>(limitMs: number, work: (client: Client) => Promise<T>): Promise<T> {
    const attempt = { isOver: false };
    const run = async (): Promise<T> => {
      const client = this.client ?? (await this.connect(attempt));
      this.assertWanted(attempt);
      this.client = client;
      return work(client);
    };
    this.inUse = true;
    try {
      return await withTimeout(run(), limitMs, () => noAnswerWithin(limitMs));
    } catch (error) {
      attempt.isOver = true;
      this.cut();
      throw error;
    } finally {
      this.inUse = false;
    }
  }

  /** What is under way fails. */
  async close(): Promise<void> {
    this.closed = true;
    const { client } = this;
    if (client && !this.inUse) {
      await withTimeout(client.end(), CLOSE_TIMEOUT_MS, () =>
        noAnswerWithin(CLOSE_TIMEOUT_MS),
      ).catch(() => undefined);
    }
    this.cut();
  }

  private cut(): void {
    this.client = undefined;
    this.socket?.destroy();
  }

  private assertWanted({ isOver }: Attempt): void {
    if (isOver || this.closed) {
      throw new Error('the connection came too late');
    }
  }

  private async connect(attempt: Attempt): Promise<Client> {
    const dsn = await this.currentDsn();
    const host = dsn.hostAddress ?? dsn.host ?? 'localhost';
    if (!host.startsWith('/')) {
      await this.lookUps.assertAnswered(host);
    }
    const [preferred = false, ...others] = await encryptions(dsn);
    try {
      return await this.connectBy(dsn, preferred, attempt);
    } catch (error) {
      const [other] = others;
      if (other === undefined || !isAboutEncryption(error)) {
        throw error;
      }
      return this.connectBy(dsn, other, attempt);
    }
  }

  private async connectBy(dsn: Dsn, ssl: Encryption, attempt: Attempt): Promise<Client> {
    // There was no socket to cut while the files of the DSN were being read.
    this.assertWanted(attempt);
    const socket = new Socket();
    this.socket = socket;
    const client = new Client({
      ...clientConfig(dsn),
      ssl,
      // Ours, for the driver has no way to give up a connection that does not answer.
      stream: () => socket,
    });
    client.on('error', () => {
      // It was lost while idle, or its user gets the error as well.
      if (this.client === client) {
        this.client = undefined;
      }
    });
    await client.connect();
    return client;
  }
}

/** What the DSN does not say is the driver's default, which is libpq's. */
function clientConfig(dsn: Dsn): ClientConfig {
  return {
    // By address: `tlsOptions` has the server's certificate compared with the name.
    host: dsn.hostAddress ?? dsn.host,
    port: dsn.port,
    database: dsn.database,
    user: dsn.user,
    password: dsn.password,
    options: dsn.options,
    application_name: dsn.applicationName,
    fallback_application_name: dsn.fallbackApplicationName ?? 'gotrack',
    sslnegotiation: dsn.isDirect ? 'direct' : 'postgres',
    enableChannelBinding: dsn.channelBinding,
    keepAlive: dsn.keepAlive,
    keepAliveInitialDelayMillis: dsn.keepAliveDelayMs ?? KEEP_ALIVE_DELAY_MS,
    connectionTimeoutMillis: dsn.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
  };
}

function isAboutEncryption(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.message === NO_TLS || ('code' in error && error.code === INVALID_AUTHORIZATION))
  );
}

function noAnswerWithin(limitMs: number): RetryableSinkError {
  return new RetryableSinkError('timeout', `PostgreSQL gave no answer within ${limitMs} ms`);
}
