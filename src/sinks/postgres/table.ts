import type { Client } from 'pg';

/**
 * Looks into `pg_class`, not only at the name: opening a relation makes the server's process hear of tables that others
 * have created since it last looked, and `to_regclass` alone would keep denying them within a transaction.
 * @param table quoted
 */
export async function isTableThere(client: Client, table: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_class where oid = to_regclass($1)', [
    table,
  ]);
  return rowCount === 1;
}

/**
 * Creates the table and its indexes within the transaction under way, unless another instance has done so
 * meanwhile: `create table if not exists` of several at once fails, so they queue up for a lock.
 * @param table quoted
 * @returns whether it was created here
 */
export async function createTable(client: Client, table: string): Promise<boolean> {
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`gotrack:${table}`]);
  if (await isTableThere(client, table)) {
    return false;
  }
  await client.query(`create table ${table} (
      id bigserial primary key,
      event_id uuid unique not null,
      ts timestamptz not null default now(),
      payload jsonb not null
    );
    create index on ${table} (ts);
    create index on ${table} using gin (payload)`);
  return true;
}
