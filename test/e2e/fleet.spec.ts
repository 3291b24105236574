import { existsSync } from 'node:fs';
import { afterAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { balancedBooks } from '../support/load/books.js';
import { Clients, idsOf } from '../support/load/clients.js';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { freePort } from '../support/servers/free-port.js';
import { KafkaCluster } from '../support/servers/kafka-cluster.js';
import { EventsTable } from '../support/servers/events-table.js';
import { type PostgresServer, uniqueName } from '../support/servers/postgres-server.js';
import { sharedPostgres } from '../support/servers/shared-servers.js';
import { sendEvent } from '../support/servers/send-event.js';

const started = await KafkaCluster.start();
const postgres = await sharedPostgres();
afterAll(() => Promise.all([started?.stop(), postgres?.stop()]));

const SMALL = { textBytes: 20 };
/** Longer than a test takes. */
const FOR_EVER_MS = '60000';
const queue = { sink: 'queue' };

let topic: string;

beforeEach(() => {
  topic = uniqueName('queue');
});

async function place(): Promise<Workplace> {
  const workplace = await Workplace.create();
  onTestFinished(() => workplace.remove());
  return workplace;
}

function settings(given: Record<string, string> = {}): Record<string, string> {
  return {
    QUEUE_DRIVER: 'kafka',
    ROLE: 'ingest',
    OUTPUTS: 'log,postgres',
    KAFKA_BROKERS: cluster().addresses,
    QUEUE_KAFKA_TOPIC: topic,
    ...given,
  };
}

const cluster = (): KafkaCluster => started as KafkaCluster;

async function idsInTopic(): Promise<Set<string>> {
  const records = await cluster().recordsOf(topic);
  return new Set(records.map(({ value }) => (JSON.parse(value) as { event_id: string }).event_id));
}

const missing = async (ids: readonly string[]): Promise<string[]> => {
  const found = await idsInTopic();
  return ids.filter((id) => !found.has(id));
};

const ready = async (collector: Collector): Promise<{ code: number; status: string }> => {
  const response = await fetch(`${collector.url}/readyz`);
  return { code: response.status, ...((await response.json()) as { status: string }) };
};

/** A busy machine may take its time. */
const isTaken = (collector: Collector, id: string): Promise<void> =>
  until(async () => (await sendEvent(collector, id, 'collect')).status === 202);

describe.skipIf(!started)('an instance that only takes events', () => {
  it('answers when the topic has them, opens no sink, and needs nothing of theirs', async () => {
    await cluster().createTopic(topic);
    const workplace = await place();
    const collector = await workplace.start(settings({ QUEUE_ACK_TIMEOUT_MS: FOR_EVER_MS }));

    const first = await sendEvent(collector, 'first', 'collect');
    expect(first.status).toBe(202);
    expect(await missing(['first'])).toEqual([]);

    const clients = new Clients(collector.port, 'many', SMALL);
    clients.start(8);
    await until(() => clients.requests.length > 200);
    await clients.stop();
    expect(clients.accepted).toHaveLength(clients.requests.length);
    expect(await missing(idsOf(clients.accepted))).toEqual([]);

    const events = 1 + idsOf(clients.requests).length;
    const records = await cluster().recordsOf(topic);
    expect(records).toHaveLength(events);
    expect(
      records.map(({ value }) => (JSON.parse(value) as { event_id: string }).event_id),
    ).toEqual(records.map(({ key }) => key));
    const { sinks } = await balancedBooks(collector);
    expect([...sinks.keys()]).toEqual(['queue']);
    expect(sinks.get('queue')).toMatchObject({ accepted: events, delivered: events, queued: 0 });
    expect(await collector.metric('gotrack_events_ingested_total', queue)).toBe(events);
    expect(await collector.metric('gotrack_events_spilled_total')).toBe(0);
    await vi.waitFor(async () => {
      expect(await ready(collector)).toMatchObject({
        code: 200,
        status: 'ok',
        checks: { queue: 'accepting', 'sink:queue': 'up' },
      });
    });

    expect(await collector.stop()).toBe(0);
    expect(existsSync(workplace.path('data/events.ndjson'))).toBe(false);
    const { stdout } = await workplace.run(['queue', 'status'], settings());
    expect(stdout).toMatch(new RegExp(`queue +0 +${events} `));
    expect(stdout).toContain('all instances together');
  });

  it('tells the sender what the topic refuses, and keeps it when the sender has gone', async () => {
    await cluster().createTopic(topic, { configs: { 'max.message.bytes': '4000' } });
    const [waiting, local] = [await place(), await place()];
    const collector = await waiting.start(settings({ QUEUE_ACK_TIMEOUT_MS: FOR_EVER_MS }));

    expect(await sendEvent(collector, 'small', 'collect')).toMatchObject({ status: 202 });
    const refused = await fetch(`${collector.url}/collect`, {
      method: 'POST',
      body: JSON.stringify([{ event_id: 'beside' }, { event_id: 'large', p: 'x'.repeat(5000) }]),
    });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ code: 'GT_QUEUE_REFUSED' });
    expect(await sendEvent(collector, 'after', 'pixel')).toMatchObject({ status: 200 });
    await collector.drained('queue');
    const { sinks, endpoints } = await balancedBooks(collector);
    expect(sinks.get('queue')).toMatchObject({ accepted: 4, delivered: 3, purged: 1 });
    expect(endpoints.get('/collect')).toMatchObject({ accepted: 1, refused: 2 });
    expect(
      await collector.metric('gotrack_events_refused_total', { reason: 'queue_refused' }),
    ).toBe(2);
    expect(await waiting.deadLetters('queue')).toEqual([]);

    const other = await local.start(settings({ QUEUE_ACK: 'local' }));
    expect(await sendEvent(other, 'kept', 'collect', 5000)).toMatchObject({ status: 202 });
    await other.drained('queue');
    expect(await local.deadLetters('queue')).toEqual(['kept']);
    expect((await balancedBooks(other)).sinks.get('queue')).toMatchObject({ dead_lettered: 1 });

    await cluster().alterTopic(topic, { 'max.message.bytes': '100000' });
    const replay = await local.run(['dead-letters', 'replay', 'queue', '--wait'], settings());
    expect(replay.exitCode).toBe(0);
    expect(await missing(['small', 'beside', 'after', 'kept'])).toEqual([]);
  });

  it('keeps or refuses what comes below min.insync.replicas, as it is told', async () => {
    await cluster().createTopic(topic);
    const [spillPlace, refusePlace] = [await place(), await place()];
    const [spilling, refusing] = await Promise.all([
      spillPlace.start(settings()),
      refusePlace.start(settings({ QUEUE_WHEN_AWAY: 'refuse' })),
    ]);
    const accepted: string[] = [];
    const take = async (collector: Collector, id: string): Promise<void> => {
      expect((await sendEvent(collector, id, 'collect')).status).toBe(202);
      accepted.push(id);
    };
    await take(spilling, 's0');
    await isTaken(refusing, 'r0');
    accepted.push('r0');

    await cluster().kill(1, 2);

    await take(spilling, 's1');
    await until(async () => (await spilling.metric('gotrack_events_spilled_total')) > 0);
    expect((await sendEvent(refusing, 'r1', 'collect')).status).toBe(503);
    await until(async () => (await ready(refusing)).code === 503);
    const { sinks } = await balancedBooks(refusing);
    for (const by of ['collect', 'pixel'] as const) {
      const { status, retryAfter } = await sendEvent(refusing, `nothing-${by}`, by);
      expect(status).toBe(503);
      expect(Number(retryAfter)).toBeGreaterThan(0);
    }
    expect((await balancedBooks(refusing)).sinks.get('queue')).toEqual(sinks.get('queue'));
    expect(
      await refusing.metric('gotrack_events_refused_total', { reason: 'queue_away' }),
    ).toBeGreaterThanOrEqual(2);
    const told = await fetch(`${refusing.metricsUrl}/readyz`);
    expect(await told.json()).toMatchObject({ checks: { queue: 'away' } });

    await until(async () => (await ready(spilling)).status === 'degraded');
    const spilledBefore = await spilling.metric('gotrack_events_spilled_total');
    await take(spilling, 's2');
    expect(await spilling.metric('gotrack_events_spilled_total')).toBe(spilledBefore + 1);
    await spilling.kill();
    const again = await spillPlace.start(settings());
    await take(again, 's3');
    await again.kill();

    cluster().start(1, 2);
    await until(async () => (await ready(refusing)).code === 200);
    await isTaken(refusing, 'r2');
    accepted.push('r2');
    const third = await spillPlace.start(settings({ QUEUE_ACK_TIMEOUT_MS: FOR_EVER_MS }));
    await third.drained('queue');
    expect(await missing(accepted)).toEqual([]);
    const found = await idsInTopic();
    expect([...found].filter((id) => id.startsWith('nothing'))).toEqual([]);
    await until(async () => (await ready(third)).status === 'ok');
    const spilled = await third.metric('gotrack_events_spilled_total');
    await take(third, 's4');
    expect(await third.metric('gotrack_events_spilled_total')).toBe(spilled);
    expect(await missing(['s4'])).toEqual([]);
  });
});

describe.skipIf(!started || !postgres)('a fleet', () => {
  it('brings what was answered to every sink, through kills of a broker and of instances, and restarts', async () => {
    const table = await EventsTable.create(postgres as PostgresServer, 'fleet');
    onTestFinished(() => table.drop());
    const environment = settings({
      PG_DSN: (postgres as PostgresServer).dsn,
      PG_TABLE: table.name,
    });
    const [taker, ...givers] = [await place(), await place(), await place()];
    const deliver = (index: number): Promise<Collector> =>
      (givers[index] as Workplace).start({
        ...environment,
        ROLE: 'deliver',
        INSTANCE_ID: `${topic}-${index}`,
      });
    const ingest = await taker.start(environment);
    const [first, second] = await Promise.all([deliver(0), deliver(1)]);

    const clients = new Clients(ingest.port, 'fleet', SMALL);
    clients.start(4);
    await until(async () => (await table.ids()).length > 50);
    await Promise.all([first.kill(), cluster().kill(0)]);
    await until(() => clients.requests.length > 300);
    cluster().start(0);
    const firstAgain = await deliver(0);
    expect(await second.stop()).toBe(0);
    const secondAgain = await deliver(1);
    await until(() => clients.requests.length > 500);
    await clients.stop();

    const answered = idsOf(clients.accepted);
    expect(answered.length).toBeGreaterThan(500);
    const logged = async (): Promise<string[]> =>
      (await Promise.all(givers.map((giver) => giver.logged())))
        .flat()
        .map(({ event_id }) => event_id);
    for (const idsIn of [() => table.ids(), logged]) {
      await until(async () => new Set(await idsIn()).size >= answered.length);
      expect([...new Set(await idsIn())].toSorted()).toEqual(answered.toSorted());
    }
    await until(async () => {
      const books = await Promise.all([firstAgain, secondAgain].map(balancedBooks));
      return books.every(({ sinks }) => [...sinks.values()].every(({ queued }) => queued === 0));
    });
    expect([...(await balancedBooks(firstAgain)).sinks.keys()]).toEqual(['log', 'postgres']);
    expect(await ingest.stop()).toBe(0);
    expect(await firstAgain.stop()).toBe(0);
    expect(await secondAgain.stop()).toBe(0);
  });

  it('says from an instance that delivers how it is, and what cannot be asked there', async () => {
    const workplace = await place();
    const environment = {
      ...settings({ OUTPUTS: 'log' }),
      ROLE: 'deliver',
      INSTANCE_ID: topic,
      METRICS_ADDR: `127.0.0.1:${await freePort()}`,
    };
    const failing = await workplace.run(['healthcheck'], environment);
    expect(failing).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('no answer') });

    const deliver = await workplace.start(environment);
    expect(await workplace.run(['healthcheck'], environment)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('OK'),
    });
    await until(async () => (await fetch(`${deliver.metricsUrl}/readyz`)).status === 200);
    expect(existsSync(workplace.path('data/queue'))).toBe(false);
    for (const command of [['queue', 'forget', 'log'], ['tail']]) {
      expect(await workplace.run(command, environment)).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('ROLE is ingest or all'),
      });
    }
    const replay = await workplace.run(['dead-letters', 'replay', 'rejected'], environment);
    expect(replay).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('none of log') });
    expect(await deliver.stop()).toBe(0);
  });

  it('is one process as well', async () => {
    const workplace = await place();
    // Another sink than the tests before: their members are missed in its group only after their session.
    const delivered = uniqueName('delivered');
    await cluster().createTopic(delivered);
    const collector = await workplace.start({
      ...settings({ OUTPUTS: 'kafka', KAFKA_TOPIC: delivered, INSTANCE_ID: topic }),
      ROLE: 'all',
    });
    expect((await sendEvent(collector, 'a', 'collect')).status).toBe(202);
    expect((await sendEvent(collector, 'b', 'pixel')).status).toBe(200);
    await until(async () => (await cluster().recordsOf(delivered)).length >= 2);
    const keys = (await cluster().recordsOf(delivered)).map(({ key }) => key);
    expect(new Set(keys)).toEqual(new Set(['a', 'b']));
    const { sinks } = await balancedBooks(collector);
    expect([...sinks.keys()]).toEqual(['queue', 'kafka']);
    expect(await collector.stop()).toBe(0);
  });
});
