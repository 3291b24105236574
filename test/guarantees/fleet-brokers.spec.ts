import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { balancedBooks } from '../support/load/books.js';
import { Clients, idsOf } from '../support/load/clients.js';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { KafkaCluster } from '../support/servers/kafka-cluster.js';
import { uniqueName } from '../support/servers/postgres-server.js';

const CLIENTS = 8;
const SMALL = { textBytes: 50 };
/** So many requests are answered before the next thing happens. */
const BETWEEN = 1500;

/** Each is killed at the same time as the others of its group, one group after the other. */
const OUTAGES = [[0], [1], [2], [0, 1], [1, 2], [2, 0], [0, 1, 2]];

const started = await KafkaCluster.start();
afterAll(() => started?.stop());

describe.skipIf(!started)('when brokers die under load', () => {
  it.each(['spill', 'refuse'])(
    'nothing is lost that was answered with 2xx: %s',
    async (whenAway) => {
      const cluster = started as KafkaCluster;
      const topic = uniqueName('queue');
      await cluster.createTopic(topic);
      const workplace = await Workplace.create();
      onTestFinished(() => workplace.remove());
      const environment = {
        QUEUE_DRIVER: 'kafka',
        ROLE: 'ingest',
        KAFKA_BROKERS: cluster.addresses,
        QUEUE_KAFKA_TOPIC: topic,
        QUEUE_WHEN_AWAY: whenAway,
      };
      let collector = await workplace.start(environment);
      const sent: Clients[] = [];

      for (const outage of OUTAGES) {
        const clients = new Clients(collector.port, `n${sent.length}`, SMALL);
        sent.push(clients);
        clients.start(CLIENTS);
        await moreAnswers(clients);
        await cluster.kill(...outage);
        await moreAnswers(clients);
        if (outage.length > 1) {
          // What is on the disk alone survives the end of the process.
          await collector.kill();
          await clients.stop();
          collector = await workplace.start(environment);
        }
        cluster.start(...outage);
        await cluster.complete(topic);
        await isReady(collector);
        await clients.stop();
      }

      await collector.drained('queue');
      await balancedBooks(collector);
      const answered = sent.flatMap(({ accepted }) => idsOf(accepted));
      const found = new Set((await cluster.recordsOf(topic)).map(({ key }) => key));
      expect(answered.length).toBeGreaterThan(OUTAGES.length * BETWEEN);
      expect(answered.filter((id) => !found.has(id))).toEqual([]);
      const all = new Set(sent.flatMap(({ requests }) => idsOf(requests)));
      expect([...found].filter((id) => !all.has(id ?? ''))).toEqual([]);
    },
  );
});

/** However they end. */
async function moreAnswers(clients: Clients): Promise<void> {
  const before = clients.requests.length;
  await until(() => clients.requests.length >= before + BETWEEN);
}

async function isReady(collector: Collector): Promise<void> {
  await until(async () => {
    const response = await fetch(`${collector.url}/readyz`);
    return ((await response.json()) as { status: string }).status === 'ok';
  });
}
