import { Max, Min } from 'class-validator';
import { boolean, integer } from '../../config/parsers.js';
import { Setting } from '../../config/setting.js';
import { type Dsn, dsn } from './dsn.js';
import { tableName } from './table-name.js';

export class PostgresOptions {
  static readonly key = 'postgres';

  @Setting('PG_DSN', dsn, {
    doc: 'Where the postgres sink writes to: postgres://user:password@host:port/database, or keywords and values. Its parameters mean what libpq means; one that is not supported refuses the start. Required when OUTPUTS names postgres. The file of PG_DSN_FILE is read again for each new connection.',
    secret: true,
  })
  readonly dsn: Dsn | undefined = undefined;

  @Setting('PG_TABLE', tableName, {
    doc: 'The table, or schema.table. It is created when it is missing.',
  })
  readonly table: string = 'events_json';

  @Min(1)
  @Max(100_000)
  @Setting('PG_BATCH_SIZE', integer, {
    doc: 'A batch goes to PostgreSQL when it holds this many events, or 4 MiB, or after PG_FLUSH_MS.',
    unit: 'events',
  })
  readonly batchSize: number = 500;

  @Min(0)
  @Max(60_000)
  @Setting('PG_FLUSH_MS', integer, {
    doc: 'How long the first event of a batch waits for others.',
    unit: 'ms',
  })
  readonly flushMs: number = 500;

  @Setting('PG_COPY', boolean, {
    doc: 'Loads a batch with COPY through a temporary table. false: with one INSERT, for roles that may not create temporary tables.',
  })
  readonly copy: boolean = true;
}
