// Measures how long an answer takes when it waits for a topic of three brokers, beside one that waits for the local disk,
// with the topic after it and without one; then what it takes to deliver from the topic. All of it shares the machine: the
// ratios are what compares.
import { Workplace } from '../test/support/servers/collector.js';
import { KafkaCluster } from '../test/support/servers/kafka-cluster.js';
import { uniqueName } from '../test/support/servers/postgres-server.js';
import { cpuSeconds } from '../test/support/servers/process-figures.js';
import { measureDelivery, sumOf } from './fleet-delivery.js';
import { PIXEL, wrk } from './wrk.js';

const BATCH = 100;
const LOADS = [
  { connections: 1, events: 1 },
  { connections: 64, events: 1 },
  { connections: 1000, events: 1 },
  { connections: 64, events: BATCH },
];
const SECONDS = 8;
const WARM_UP_SECONDS = 3;
const ROUNDS = 2;
const PARTITIONS = 6;

/** Page views of about 400 bytes once they are stored. */
const BODY = JSON.stringify(
  Array.from({ length: BATCH }, (_, n) => ({
    type: 'pageview',
    url: { referrer: 'https://www.google.com/' },
    route: { domain: 'www.example.com', path: `/products/${n}`, title: `Product ${n}` },
    session: { visitor_id: `visitor-${n}`, session_seq: n },
    props: { n, price: n / 4, currency: 'EUR' },
  })),
);

async function measure(
  mode: string,
  environment: Record<string, string>,
  brokers: readonly number[] = [],
): Promise<void> {
  const workplace = await Workplace.create();
  try {
    const collector = await workplace.start(environment);
    await wrk(collector.port, { connections: 64, seconds: WARM_UP_SECONDS });
    for (const { connections, events } of LOADS) {
      const before = [await cpuSeconds(collector.pid), await sumOf(brokers, cpuSeconds)] as const;
      const load = await wrk(
        collector.port,
        { connections, seconds: SECONDS },
        events === 1 ? { target: PIXEL } : { target: '/collect', body: BODY },
      );
      const micros = (seconds: number): string =>
        ((seconds * 1e6) / (load.requests * events)).toFixed(1);
      const own = micros((await cpuSeconds(collector.pid)) - before[0]);
      const ofBrokers = micros((await sumOf(brokers, cpuSeconds)) - before[1]);
      console.log(
        `${mode.padEnd(10)} ${String(connections).padStart(5)} clients  ${events} at once  ` +
          `${load.requestsPerSecond.toFixed(0).padStart(7)} requests/s  ` +
          `p50 ${load.p50Ms.toFixed(2)} ms  p99 ${load.p99Ms.toFixed(2)} ms  ` +
          `${own} µs CPU an event, the brokers' ${ofBrokers}  ${load.failures} failed`,
      );
    }
    const spilled = await collector.metric('gotrack_events_spilled_total');
    if (spilled > 0) {
      console.log(`${mode}: ${spilled} events were spilled`);
    }
  } finally {
    await workplace.remove();
  }
}

export async function run(): Promise<void> {
  const cluster = await KafkaCluster.start();
  if (!cluster) {
    process.exitCode = 1;
    return;
  }
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      await measure('embedded', { QUEUE_MAX_MB: '8192' });
      for (const ack of ['local', 'replicated']) {
        const topic = uniqueName('queue');
        await cluster.createTopic(topic, { partitions: PARTITIONS });
        const environment = {
          QUEUE_DRIVER: 'kafka',
          ROLE: 'ingest',
          QUEUE_ACK: ack,
          QUEUE_MAX_MB: '8192',
          KAFKA_BROKERS: cluster.addresses,
          QUEUE_KAFKA_TOPIC: topic,
        };
        await measure(ack, environment, cluster.pids);
      }
    }
    await measureDelivery(cluster);
  } finally {
    await cluster.stop();
  }
}
