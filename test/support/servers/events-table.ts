import { type PostgresServer, uniqueName } from './postgres-server.js';

/** A table as the collector would create it, under a name of its own. */
export class EventsTable {
  private constructor(
    private readonly server: PostgresServer,
    readonly name: string,
  ) {}

  static async create(server: PostgresServer, prefix: string): Promise<EventsTable> {
    const name = uniqueName(prefix);
    await server.query(
      `create table ${name} (id bigserial primary key, event_id uuid unique not null,
         ts timestamptz not null default now(), payload jsonb not null)`,
    );
    return new EventsTable(server, name);
  }

  /** Events with `props.bad`, from now on: what is there stays. */
  async refuseBad(): Promise<void> {
    await this.server.query(
      `alter table ${this.name} add constraint only_good check (not payload @? '$.props.bad') not valid`,
    );
  }

  async takeBad(): Promise<void> {
    await this.server.query(`alter table ${this.name} drop constraint only_good`);
  }

  /** As clients gave them; one that is there twice is named twice. */
  async ids(): Promise<string[]> {
    const rows = await this.server.query<{ id: string }>(
      `select payload->>'event_id' as id from ${this.name}`,
    );
    return rows.map(({ id }) => id);
  }

  async drop(): Promise<void> {
    await this.server.query(`drop table if exists ${this.name}`);
  }
}
