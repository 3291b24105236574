import { afterAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { freePort } from '../support/servers/free-port.js';
import type { KafkaBroker } from '../support/servers/kafka-broker.js';
import { uniqueName } from '../support/servers/postgres-server.js';
import { sendEvent } from '../support/servers/send-event.js';
import { sharedKafka } from '../support/servers/shared-servers.js';

const started = await sharedKafka();
afterAll(() => started?.stop());

const broker = (): KafkaBroker => started as KafkaBroker;
const PARTITIONS = 2;
const STATES = ['queued', 'delivered', 'dead_lettered', 'purged', 'skipped', 'expired'] as const;

type State = 'accepted' | (typeof STATES)[number];

let topic: string;

beforeEach(() => {
  topic = uniqueName('queue');
});

async function place(): Promise<Workplace> {
  const workplace = await Workplace.create();
  onTestFinished(() => workplace.remove());
  return workplace;
}

const settings = (role: string): Record<string, string> => ({
  QUEUE_DRIVER: 'kafka',
  ROLE: role,
  OUTPUTS: 'log',
  INSTANCE_ID: topic,
  KAFKA_BROKERS: broker().address(),
  QUEUE_KAFKA_TOPIC: topic,
});

/** What one snapshot says of the log; the identity has to hold in it. */
async function fleetOf(collector: Collector): Promise<Record<State, number>> {
  const samples = (await collector.metrics()).filter(({ name }) => name === 'gotrack_fleet_events');
  const states = Object.fromEntries(
    samples.map(({ labels, value }) => [labels['state'], value]),
  ) as Record<State, number>;
  expect(Object.keys(states).toSorted()).toEqual(['accepted', ...STATES].toSorted());
  const sum = STATES.reduce((total, state) => total + states[state], 0);
  expect({ ...states, accepted: sum }).toEqual(states);
  return states;
}

/** Waits for it: what an instance could not ask the brokers in time is left out. */
function shows(collector: Collector, expected: Partial<Record<State, number>>): Promise<void> {
  return vi.waitFor(async () => {
    expect(await fleetOf(collector)).toMatchObject(expected);
  });
}

function has(collector: Collector, name: string, value: number): Promise<void> {
  return until(async () => (await collector.metric(name)) === value);
}

async function send(collector: Collector, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const id = `${topic}-${Math.random()}`;
    expect((await sendEvent(collector, id, 'collect')).status).toBe(202);
  }
}

describe.skipIf(!started)('what an instance says of the whole fleet', () => {
  it('is the same everywhere, and stays when nobody delivers', async () => {
    await broker().createTopic(topic, { partitions: PARTITIONS });
    const [taker, giver] = [await place(), await place()];
    const ingest = await taker.start(settings('ingest'));
    const deliver = await giver.start(settings('deliver'));
    await send(ingest, 10);
    for (const instance of [ingest, deliver]) {
      await shows(instance, { accepted: 10, delivered: 10, queued: 0, expired: 0 });
      await has(instance, 'gotrack_queue_partitions', PARTITIONS);
      await has(instance, 'gotrack_queue_retention_seconds', 7 * 86_400);
      await has(instance, 'gotrack_fleet_oldest_event_age_seconds', 0);
    }
    await has(ingest, 'gotrack_queue_partitions_owned', 0);
    await has(deliver, 'gotrack_queue_partitions_owned', PARTITIONS);

    await deliver.kill();
    await send(ingest, 7);
    await shows(ingest, { queued: 7 });
    await until(
      async () =>
        (await ingest.metric('gotrack_fleet_oldest_event_age_seconds', { sink: 'log' })) > 1,
    );
    for (const [workplace, role] of [
      [taker, 'ingest'],
      [giver, 'deliver'],
    ] as const) {
      const { stdout } = await workplace.run(['queue', 'status', '--json'], settings(role));
      expect(JSON.parse(stdout)).toMatchObject({
        fleet: {
          partitions: PARTITIONS,
          sinks: [{ sink: 'log', ledger: { accepted: 17, delivered: 10, queued: 7, expired: 0 } }],
        },
      });
      expect((await workplace.run(['queue', 'status'], settings(role))).stdout).toMatch(
        /log +7 +17 +10 +0 +0 +0 +0 +/,
      );
    }

    await broker().deleteRecordsBefore(
      topic,
      new Map([...Array(PARTITIONS).keys()].map((p) => [p, -1])),
    );
    await shows(ingest, { accepted: 17, delivered: 10, queued: 0, expired: 7 });
    const again = await giver.start(settings('deliver'));
    await send(ingest, 2);
    await shows(again, { accepted: 19, delivered: 12, queued: 0, expired: 7 });
    await shows(ingest, { accepted: 19, delivered: 12, queued: 0, expired: 7 });
    expect(await ingest.stop()).toBe(0);
    expect(await again.stop()).toBe(0);
  });

  it('is left out while the brokers are away', async () => {
    const environment = {
      ...settings('ingest'),
      KAFKA_BROKERS: `127.0.0.1:${await freePort()}`,
      QUEUE_ACK: 'local',
    };
    const workplace = await place();
    const ingest = await workplace.start(environment);
    await send(ingest, 3);
    const names = new Set((await ingest.metrics()).map(({ name }) => name));
    expect(names).toContain('gotrack_ledger_events');
    expect(names).toContain('gotrack_queue_partitions_owned');
    expect(names).not.toContain('gotrack_fleet_events');
    expect(names).not.toContain('gotrack_queue_partitions');
    const { exitCode, stdout, stderr } = await workplace.run(['queue', 'status'], environment);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/queue +3 +3 +0/);
    expect(stderr).toContain('Kafka');
    expect(await ingest.stop()).toBe(0);
  });
});
