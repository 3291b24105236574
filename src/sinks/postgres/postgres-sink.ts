import { finished } from 'node:stream/promises';
import { Logger } from '@nestjs/common';
import type { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { currentValue } from '../../config/current-value.js';
import type { StoredEvent } from '../../event/stored-event.js';
import { RejectedBatchError, RetryableSinkError, Sink, type Written } from '../sink.js';
import { shareWhileRunning } from '../../threads/share-while-running.js';
import { withSinkErrors } from '../support/with-sink-errors.js';
import { Connection } from './connection.js';
import { encodeCopyRows } from './copy-rows.js';
import type { Dsn } from './dsn.js';
import { columnsOf } from './columns.js';
import { asSinkError, asWriteError } from './postgres-error.js';
import type { PostgresOptions } from './postgres.options.js';
import { quotedTable } from './table-name.js';
import { createTable, isTableThere } from './table.js';

/** A whole write takes no longer. The server gives a statement up before that, and says so. */
const WRITE_TIMEOUT_MS = 30_000;
const STATEMENT_TIMEOUT_MS = 25_000;
/** Shorter than readiness waits for a check. */
const CHECK_TIMEOUT_MS = 2500;

/**
 * Settings belong to the transaction: through PgBouncer the session is another client's the next moment. With
 * `synchronous_commit` off, a crash of the server would lose what it has confirmed.
 */
const BEGIN = `begin;
  set local statement_timeout = ${STATEMENT_TIMEOUT_MS};
  select set_config('synchronous_commit', 'on', true)
    where current_setting('synchronous_commit') = 'off'`;

const STAGING = 'pg_temp.gotrack_staging';

/**
 * Inserts events into a table, each `event_id` once: what is there stays as it is, so that a batch may come again
 * after a failure at any point. A batch is one transaction.
 */
export class PostgresSink extends Sink {
  private readonly logger = new Logger(PostgresSink.name);
  private readonly table: string;
  private readonly writing = new Connection(() => this.currentDsn());
  /** Not the one for writing: a check gets its answer while a write is under way. */
  private readonly checking = new Connection(() => this.currentDsn());
  private readonly sharedCheck = shareWhileRunning(() =>
    withSinkErrors(asSinkError, () =>
      this.checking.use(CHECK_TIMEOUT_MS, (client) => this.checkTable(client)),
    ),
  );

  constructor(private readonly options: PostgresOptions) {
    super();
    this.table = quotedTable(options.table);
  }

  override async open(): Promise<void> {
    await withSinkErrors(asSinkError, () =>
      this.writing.use(WRITE_TIMEOUT_MS, async (client) => {
        // Before anything that a role may lack the right to.
        if (await isTableThere(client, this.table)) {
          return;
        }
        await client.query(BEGIN);
        const created = await createTable(client, this.table);
        await client.query('commit');
        if (created) {
          this.logger.log(`created the table ${this.table}`);
        }
      }),
    );
  }

  override async write(batch: readonly StoredEvent[]): Promise<Written> {
    const outcome = await withSinkErrors(asSinkError, () =>
      this.writing.use(WRITE_TIMEOUT_MS, (client) => this.insertOrRefuse(client, batch)),
    );
    if (typeof outcome !== 'number') {
      throw outcome;
    }
    return { duplicates: batch.length - outcome };
  }

  override check(): Promise<void> {
    return this.sharedCheck();
  }

  override async close(): Promise<void> {
    await Promise.all([this.writing.close(), this.checking.close()]);
  }

  /** How many events are new, or that the server refuses what is in them, which leaves the connection usable. */
  private async insertOrRefuse(
    client: Client,
    batch: readonly StoredEvent[],
  ): Promise<number | RejectedBatchError> {
    try {
      await client.query(BEGIN);
      const inserted = this.options.copy
        ? await this.insertByCopy(client, batch)
        : await this.insertByValues(client, batch);
      await client.query('commit');
      return inserted;
    } catch (error) {
      const failure = asWriteError(error);
      if (!(failure instanceof RejectedBatchError)) {
        throw failure;
      }
      await client.query('rollback');
      return failure;
    }
  }

  private async insertByCopy(client: Client, batch: readonly StoredEvent[]): Promise<number> {
    const rows = encodeCopyRows(batch);
    await client.query(
      `create temporary table gotrack_staging (event_id uuid, ts timestamptz, payload jsonb) on commit drop`,
    );
    const copy = client.query(copyFrom(`copy ${STAGING} from stdin with (format binary)`));
    copy.end(rows);
    await finished(copy);
    return this.insertFrom(client, STAGING);
  }

  private insertByValues(client: Client, batch: readonly StoredEvent[]): Promise<number> {
    const heads = batch.map(({ json }) => columnsOf(json));
    return this.insertFrom(
      client,
      'unnest($1::uuid[], $2::timestamptz[], $3::jsonb[]) as batch (event_id, ts, payload)',
      [
        heads.map(({ uuid }) => uuid),
        heads.map(({ tsMs }) => (tsMs === undefined ? null : new Date(tsMs).toISOString())),
        batch.map(({ json }) => json.toString()),
      ],
    );
  }

  private async insertFrom(client: Client, source: string, values?: unknown[]): Promise<number> {
    const { rowCount } = await client.query(
      `insert into ${this.table} (event_id, ts, payload)
        select event_id, coalesce(ts, now()), payload from ${source}
        on conflict (event_id) do nothing`,
      values,
    );
    return rowCount ?? 0;
  }

  private async checkTable(client: Client): Promise<void> {
    if (!(await isTableThere(client, this.table))) {
      throw new RetryableSinkError('other', `PostgreSQL has no table ${this.table}`);
    }
    const { rows } = await client.query<{ transaction_read_only: string }>(
      'show transaction_read_only',
    );
    if (rows[0]?.transaction_read_only === 'on') {
      throw new RetryableSinkError('other', 'PostgreSQL is read-only, as a standby is');
    }
  }

  private async currentDsn(): Promise<Dsn> {
    const dsn = await currentValue(this.options, 'dsn');
    if (!dsn) {
      throw new RetryableSinkError('other', 'PG_DSN is not set');
    }
    return dsn;
  }
}
