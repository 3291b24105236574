import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { balancedBooks, type EndpointBook } from '../support/load/books.js';
import { type Collector, Workplace } from '../support/servers/collector.js';
import { EventsTable } from '../support/servers/events-table.js';
import type { KafkaBroker } from '../support/servers/kafka-broker.js';
import { ENDPOINTS, type Endpoint } from '../support/load/mixed-load.js';
import { type PostgresServer, uniqueName } from '../support/servers/postgres-server.js';
import { sharedKafka, sharedPostgres } from '../support/servers/shared-servers.js';

const SINKS = ['log', 'kafka', 'postgres'] as const;

const [postgres, kafka] = await Promise.all([sharedPostgres(), sharedKafka()]);
afterAll(() => Promise.all([postgres?.stop(), kafka?.stop()]));

const database = (): PostgresServer => postgres as PostgresServer;
const broker = (): KafkaBroker => kafka as KafkaBroker;

let workplace: Workplace;
let table: EventsTable;
let topic: string;
let environment: Record<string, string>;

beforeEach(async () => {
  workplace = await Workplace.create();
  topic = uniqueName('ledger');
  await broker().createTopic(topic, { configs: { 'max.message.bytes': '20000' } });
  table = await EventsTable.create(database(), 'ledger');
  await table.refuseBad();
  environment = {
    OUTPUTS: SINKS.join(),
    PG_DSN: database().dsn,
    PG_TABLE: table.name,
    KAFKA_BROKERS: broker().address(),
    KAFKA_TOPIC: topic,
    QUEUE_MAX_MB: '1',
    PRIVACY_SIGNALS: 'drop',
  };
});

afterEach(async () => {
  await workplace.remove();
  await table.drop();
});

/** `bad` is refused by PostgreSQL, `large` by Kafka, `invalid` by the collector. */
type Kind = 'good' | 'bad' | 'large' | 'invalid';

type OwnBook = { -readonly [State in keyof EndpointBook | 'dropped']: number };
const emptyBook = (): OwnBook => ({
  received: 0,
  accepted: 0,
  rejected: 0,
  refused: 0,
  dropped: 0,
});

/** Sends events, and keeps the test's own books of what it was told became of them. */
class Sender {
  /** Ids of the events that were accepted, by what they are. */
  readonly accepted: Record<Kind, string[]> = { good: [], bad: [], large: [], invalid: [] };
  /** Since the process began. */
  books: Record<Endpoint, OwnBook> = { '/px.gif': emptyBook(), '/collect': emptyBook() };

  constructor(private collector: Collector) {}

  /** From now on to another process. */
  sendTo(collector: Collector): void {
    this.collector = collector;
    this.books = { '/px.gif': emptyBook(), '/collect': emptyBook() };
  }

  get count(): number {
    return Object.values(this.accepted).flat().length;
  }

  /** @returns the status of the answer */
  async send(
    endpoint: Endpoint,
    kinds: readonly Kind[],
    headers: Record<string, string> = {},
  ): Promise<number> {
    const events = kinds.map((kind) => ({ id: randomUUID(), kind }));
    const { status, dropped } = await this.request(endpoint, events, headers);
    const valid = events.filter(({ kind }) => kind !== 'invalid');
    const book = this.books[endpoint];
    book.received += events.length;
    book.rejected += events.length - valid.length;
    if (status === 503) {
      book.refused += valid.length;
    } else if (dropped > 0) {
      book.dropped += valid.length;
    } else {
      book.accepted += valid.length;
      for (const { id, kind } of valid) {
        this.accepted[kind].push(id);
      }
    }
    return status;
  }

  private async request(
    endpoint: Endpoint,
    events: readonly { id: string; kind: Kind }[],
    headers: Record<string, string>,
  ): Promise<{ status: number; dropped: number }> {
    const isPixel = endpoint === '/px.gif';
    const url = this.collector.url + endpoint;
    const response = await (isPixel
      ? fetch(`${url}?${pixelQuery(events[0] as { id: string; kind: Kind })}`, { headers })
      : fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify(events.map(eventOf)),
        }));
    if (isPixel) {
      await response.arrayBuffer();
      return { status: response.status, dropped: 'dnt' in headers ? 1 : 0 };
    }
    const { dropped = 0 } = (await response.json()) as { dropped?: number };
    return { status: response.status, dropped };
  }
}

function eventOf({ id, kind }: { id: string; kind: Kind }): object {
  return {
    event_id: id,
    ...(kind === 'invalid' && { type: 7 }),
    props: {
      text: 'x'.repeat(kind === 'large' ? 30_000 : 3000),
      ...(kind === 'bad' && { bad: true }),
    },
  };
}

function pixelQuery({ id, kind }: { id: string; kind: Kind }): string {
  const type = kind === 'invalid' ? 'x'.repeat(200) : 'pageview';
  return new URLSearchParams({
    e: type,
    event_id: id,
    ...(kind === 'bad' && { bad: 'yes' }),
  }).toString();
}

async function expectEndpointsToAgree(collector: Collector, sender: Sender): Promise<void> {
  const { endpoints, dropped } = await balancedBooks(collector);
  for (const endpoint of ENDPOINTS) {
    const { dropped: ours, ...book } = sender.books[endpoint];
    expect(endpoints.get(endpoint), `the book of ${endpoint}`).toEqual(book);
    expect(book.received - book.accepted - book.rejected - book.refused).toBe(ours);
  }
  expect(dropped).toBe(sender.books['/px.gif'].dropped + sender.books['/collect'].dropped);
}

async function expectSinksToAgree(
  collector: Collector,
  { accepted, count }: Sender,
): Promise<void> {
  const refused: Record<(typeof SINKS)[number], string[]> = {
    log: [],
    kafka: accepted.large,
    postgres: accepted.bad,
  };
  const ids = {
    log: (await workplace.logged()).map(({ event_id }) => event_id),
    kafka: (await broker().recordsOf(topic)).map(({ key }) => key ?? ''),
    postgres: await table.ids(),
  };
  const all = Object.values(accepted).flat();
  const { sinks } = await balancedBooks(collector);
  for (const sink of SINKS) {
    expect(sinks.get(sink), `the book of ${sink}`).toEqual({
      accepted: count,
      delivered: count - refused[sink].length,
      queued: 0,
      dead_lettered: refused[sink].length,
      purged: 0,
      corrupt: 0,
    });
    expect((await workplace.deadLetters(sink)).toSorted()).toEqual(refused[sink].toSorted());
    const held = new Set<string>(refused[sink]);
    expect(ids[sink].toSorted()).toEqual(all.filter((id) => !held.has(id)).toSorted());
  }
}

async function drained(collector: Collector): Promise<void> {
  for (const sink of SINKS) {
    await collector.drained(sink);
  }
}

async function sendSome(sender: Sender): Promise<void> {
  const statuses = new Set<number>();
  for (const kind of ['good', 'bad', 'good', 'invalid'] as const) {
    statuses.add(await sender.send('/px.gif', [kind]));
  }
  statuses.add(await sender.send('/px.gif', ['good'], { dnt: '1' }));
  statuses.add(await sender.send('/collect', ['good', 'invalid', 'bad', 'large', 'good']));
  statuses.add(await sender.send('/collect', ['good', 'good', 'invalid'], { dnt: '1' }));
  statuses.add(await sender.send('/collect', ['invalid', 'invalid']));
  expect(statuses).toEqual(new Set([200, 202, 400]));
}

describe.skipIf(!postgres || !kafka)('the ledger', () => {
  it('tells for each endpoint what was sent, and for each sink what it holds, across restarts', async () => {
    let collector = await workplace.start(environment);
    const sender = new Sender(collector);
    for (const end of ['stop', 'kill', 'stop'] as const) {
      await sendSome(sender);
      await expectEndpointsToAgree(collector, sender);
      await drained(collector);
      await expectSinksToAgree(collector, sender);
      await collector[end]();
      collector = await workplace.start(environment);
      sender.sendTo(collector);
      await expectEndpointsToAgree(collector, sender);
      await expectSinksToAgree(collector, sender);
    }
    expect(sender.accepted).toMatchObject({ bad: { length: 6 }, large: { length: 3 } });
  });

  it('tells what is queued for a sink that stands still, and what a full queue refuses', async () => {
    const collector = await workplace.start(environment);
    const sender = new Sender(collector);
    await sendSome(sender);
    await drained(collector);
    const before = sender.count;

    await database().query('begin');
    await database().query(`lock table ${table.name} in exclusive mode`);
    for (const endpoint of ['/collect', '/px.gif'] as const) {
      let status: number;
      do {
        status = await sender.send(endpoint, ['good']);
      } while (status < 300);
      expect(status).toBe(503);
    }
    expect(await sender.send('/collect', ['good', 'invalid', 'bad'])).toBe(503);
    await collector.drained('log');
    await collector.drained('kafka');
    const { sinks } = await balancedBooks(collector);
    expect(sender.count).toBeGreaterThan(before);
    expect(sinks.get('postgres')?.queued).toBe(sender.count - before);
    await expectEndpointsToAgree(collector, sender);

    await database().query('commit');
    await drained(collector);
    await sendSome(sender);
    await drained(collector);
    await expectEndpointsToAgree(collector, sender);
    await expectSinksToAgree(collector, sender);
  });
});
