// Measures how fast a backlog drains into PostgreSQL, beside psql's \copy of the same rows into the same table with the
// same indexes: what the server makes of the indexes is in both figures, the ratio is what compares.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Workplace } from '../test/support/servers/collector.js';
import { type PostgresServer, startPostgres } from '../test/support/servers/postgres-server.js';
import { queueEvents, settingsFromEnvironment } from './queue-events.js';

const EVENTS = 200_000;
const ROUNDS = 3;
const TABLE = 'events_json';
const POLL_MS = 50;

const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36';
const LANGUAGES = ['en-GB', 'pl-PL', 'de-DE', 'ja-JP'];

/** A page view as a browser would send it, of one visitor in 10,000 on one page in 1,000. */
function pageView(n: number): object {
  const [visitor, page] = [n % 10_000, (n * 7) % 1000];
  const campaign = `utm_source=newsletter&utm_medium=email&utm_campaign=week-${n % 52}`;
  return {
    event_id: randomUUID(),
    type: 'pageview',
    url: {
      utm: { source: 'newsletter', medium: 'email', campaign: `week-${n % 52}` },
      referrer: 'https://www.google.com/',
      referrer_hostname: 'www.google.com',
      raw_query: campaign,
    },
    route: {
      domain: 'www.example.com',
      path: `/products/${page}`,
      fullPath: `/products/${page}?${campaign}`,
      protocol: 'https',
      title: `Product ${page}`,
    },
    device: {
      ua: USER_AGENT,
      language: LANGUAGES[n % LANGUAGES.length],
      tz: 'Europe/Warsaw',
      viewport_w: 1280 + (n % 40) * 16,
      viewport_h: 720,
      hardware_concurrency: 8,
      cookie_enabled: true,
    },
    session: {
      visitor_id: `visitor-${visitor}`,
      session_id: `session-${visitor}-${n % 3}`,
      session_seq: n % 20,
    },
    props: { price: (n % 500) / 4, currency: 'EUR' },
  };
}

interface Drained {
  readonly seconds: number;
  /** The CPU time of the collector, all its threads, from its start. */
  readonly cpuSeconds: number;
}

/** @returns what it took from the collector's start to the last event's confirmation */
async function drain(workplace: Workplace, server: PostgresServer): Promise<Drained> {
  const environment = {
    OUTPUTS: 'postgres',
    PG_DSN: server.dsn,
    PG_TABLE: TABLE,
    QUEUE_MAX_MB: '4096',
    SHUTDOWN_TIMEOUT_MS: '100',
    ...settingsFromEnvironment(['PG_BATCH_SIZE', 'PG_COPY']),
  };
  await server.halt();
  const accepting = await workplace.start(environment);
  await queueEvents(accepting, EVENTS, pageView);
  await accepting.stop();
  await server.resume();
  await server.query('checkpoint');

  const startedAt = performance.now();
  const draining = await workplace.start(environment);
  while ((await draining.metric('gotrack_queue_depth', { sink: 'postgres' })) > 0) {
    await sleep(POLL_MS);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const cpuSeconds = await draining.metric('process_cpu_seconds_total');
  await draining.stop();
  return { seconds, cpuSeconds };
}

function psql(server: PostgresServer, command: string): Promise<unknown> {
  return promisify(execFile)('psql', ['-v', 'ON_ERROR_STOP=1', '-c', command, server.dsn]);
}

async function expectEveryRow(server: PostgresServer): Promise<void> {
  const [{ count } = { count: 0 }] = await server.query<{ count: number }>(
    `select count(*)::int as count from ${TABLE}`,
  );
  if (count !== EVENTS) {
    throw new Error(`the table has ${count} rows, not ${EVENTS}`);
  }
}

function report(name: string, seconds: number, more = ''): void {
  const rate = (EVENTS / seconds).toFixed(0).padStart(7);
  console.log(`${name.padEnd(12)} ${rate} rows/s  ${seconds.toFixed(1)} s${more}`);
}

/** @returns the ratio of the two rates */
async function round(server: PostgresServer): Promise<number> {
  const workplace = await Workplace.create();
  try {
    const drained = await drain(workplace, server);
    await expectEveryRow(server);
    const cpuMicroseconds = ((drained.cpuSeconds / EVENTS) * 1e6).toFixed(1);
    report('gotrack', drained.seconds, `  ${cpuMicroseconds} µs CPU a row`);

    const columns = '(event_id, ts, payload)';
    const file = join(workplace.directory, 'rows.copy');
    await psql(server, `\\copy ${TABLE} ${columns} to '${file}'`);
    await server.query(`truncate ${TABLE}`);
    await server.query('checkpoint');
    const startedAt = performance.now();
    await psql(server, `\\copy ${TABLE} ${columns} from '${file}'`);
    const seconds = (performance.now() - startedAt) / 1000;
    await expectEveryRow(server);
    report('psql \\copy', seconds);
    await server.query(`truncate ${TABLE}`);
    return seconds / drained.seconds;
  } finally {
    await workplace.remove();
  }
}

export async function run(): Promise<void> {
  const server = await startPostgres({ durable: true });
  if (!server?.isOwn) {
    throw new Error('needs a PostgreSQL of its own that can be stopped: unset PG_TEST_DSN');
  }
  try {
    const bytes = JSON.stringify(pageView(0)).length;
    console.log(
      `${EVENTS} events of ${bytes} bytes from the queue into PostgreSQL, and by psql (Debian's postgresql-client), ` +
        `${ROUNDS} rounds\n`,
    );
    const ratios: number[] = [];
    for (let n = 0; n < ROUNDS; n += 1) {
      ratios.push(await round(server));
    }
    console.log(`\nratios to psql ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}`);
  } finally {
    await server.stop();
  }
}
