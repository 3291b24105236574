import { deepEqual } from 'node:assert/strict';
import {
  type Collector,
  type LoggedEvent,
  until,
  Workplace,
} from '../../support/servers/collector.js';
import { freePort } from '../../support/servers/free-port.js';
import { type PostgresServer, uniqueName } from '../../support/servers/postgres-server.js';
import type { Site } from './site.js';

/** An event as it is stored; what a test looks at. */
export interface StoredEvent extends LoggedEvent {
  readonly ts: string;
  readonly received_at: string;
  readonly route?: Readonly<Record<string, unknown>> & { readonly path?: string };
  readonly session?: Readonly<Record<string, unknown>>;
  readonly server?: Readonly<Record<string, unknown>>;
  readonly url?: Readonly<Record<string, unknown>>;
  readonly device?: Readonly<Record<string, unknown>>;
}

interface Expected {
  readonly site: Site;
  readonly names: readonly string[];
  readonly mayRepeat: boolean;
}

/** A collector that stores in PostgreSQL and in a log, and may be away for a while. */
export class StoringCollector {
  private readonly expected: Expected[] = [];

  private constructor(
    private readonly server: PostgresServer,
    private readonly workplace: Workplace,
    private readonly environment: Readonly<Record<string, string>>,
    private readonly port: number,
    private process: Collector,
  ) {}

  static async start(
    server: PostgresServer,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<StoringCollector> {
    const workplace = await Workplace.create();
    const port = await freePort();
    const environment = {
      SERVER_ADDR: `127.0.0.1:${port}`,
      OUTPUTS: 'log,postgres',
      PG_DSN: server.dsn,
      PG_TABLE: uniqueName('browser'),
      PG_FLUSH_MS: '0',
      ...settings,
    };
    const process = await workplace.start(environment);
    return new StoringCollector(server, workplace, environment, port, process);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends it in order: what it has answered is stored. */
  async down(): Promise<void> {
    await this.process.stop();
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    await this.process.kill();
  }

  /** Starts it again, at the same address. */
  async up(): Promise<void> {
    this.process = await this.workplace.start(this.environment);
  }

  /** The rows of a site, in the order of their times. */
  async rows(site: Site): Promise<StoredEvent[]> {
    const rows = await this.server.query<{ payload: StoredEvent }>(
      `select payload from ${this.environment['PG_TABLE']}
       where starts_with(payload #>> '{route,path}', $1) order by ts`,
      [`${site.folder}/`],
    );
    return rows.map(({ payload }) => payload);
  }

  /** The site's events as the log has them: one that came twice is there twice. */
  async logged(site: Site): Promise<StoredEvent[]> {
    const events = (await this.workplace.logged()) as StoredEvent[];
    return events.filter(({ route }) => route?.path?.startsWith(`${site.folder}/`));
  }

  /**
   * Waits until the site's events are stored, and compares: each is one row, none is missing, and none is there that
   * nobody expects.
   * @param names as `nameOf` makes them, in any order
   * @param mayRepeat whether an answer may have been lost, so that the log has an event again with the same id
   * @returns the rows
   */
  async expectStored(
    site: Site,
    names: readonly string[],
    { mayRepeat = false } = {},
  ): Promise<StoredEvent[]> {
    this.expected.push({ site, names, mayRepeat });
    await this.waitFor(site, names.length);
    await this.compare({ site, names, mayRepeat });
    return this.rows(site);
  }

  /** Compares again all that was expected: what came later, or came again, is no better than what came first. */
  async expectNothingElse(): Promise<void> {
    const last = new Map(this.expected.map((expected) => [expected.site, expected]));
    for (const expected of last.values()) {
      await this.compare(expected);
    }
  }

  async waitFor(site: Site, count: number): Promise<StoredEvent[]> {
    await until(async () => (await this.rows(site)).length >= count);
    return this.rows(site);
  }

  async remove(): Promise<void> {
    await this.workplace.remove();
    await this.server.query(`drop table if exists ${this.environment['PG_TABLE']}`);
  }

  private async compare({ site, names, mayRepeat }: Expected): Promise<void> {
    await this.process.drained('log');
    await this.process.drained('postgres');
    const rows = await this.rows(site);
    deepEqual(rows.map((event) => nameOf(event, site)).toSorted(), names.toSorted());
    const ids = rows.map(({ event_id }) => event_id).toSorted();
    deepEqual(ids, [...new Set(ids)]);
    const logged = (await this.logged(site)).map(({ event_id }) => event_id).toSorted();
    deepEqual(mayRepeat ? [...new Set(logged)] : logged, ids);
  }
}

/** For example `pageview /shop`, or `signup /shop 3` when its `props.n` is 3. */
export function nameOf({ type, route, props }: StoredEvent, site: Site): string {
  const path = route?.path?.slice(site.folder.length);
  const parts = [type, path, props?.['n']] as (string | number | undefined)[];
  return parts.filter((part) => part !== undefined).join(' ');
}
