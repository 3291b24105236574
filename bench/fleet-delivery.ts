import { execFile } from 'node:child_process';
import { mkdir, open, rmdir, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Collector, until, Workplace } from '../test/support/servers/collector.js';
import type { KafkaCluster } from '../test/support/servers/kafka-cluster.js';
import { uniqueName } from '../test/support/servers/postgres-server.js';
import { cpuSeconds } from '../test/support/servers/process-figures.js';
import type { Fetched } from './fetch-loop.js';
import { median } from './median.js';
import { queueEvents } from './queue-events.js';

const EVENTS = Number(process.env['FLEET_EVENTS'] ?? 900_000);
const PARTITIONS = 6;
const ROUNDS = 3;
/** V8 compiles what is hot while they come, and they are not counted. */
const FIRST_EVENTS = EVENTS / 3;
const POLL_MS = 20;
/** A directory there cannot be written to as a file, until it is removed. */
const LOG = ['data', 'events.ndjson'] as const;

const LONGEST_LINE = 16_384;

const run = promisify(execFile);

/** About 440 bytes once it is stored, and always as many. */
function event(n: number): object {
  const digits = String(n).padStart(12, '0');
  return {
    event_id: `018f3c9e-7b1a-7000-8000-${digits}`,
    type: 'pageview',
    url: { referrer: 'https://www.google.com/' },
    route: { domain: 'www.example.com', path: `/products/${digits}`, title: `Product ${digits}` },
    session: { visitor_id: `visitor-${digits}`, session_seq: n % 10 },
    props: { n: digits, price: 10 + (n % 80), currency: 'EUR' },
  };
}

/**
 * Measures what reading the topic and delivering to the log sink takes, beside a loop that only fetches, and one that makes
 * what it fetches as durable as the sink does.
 */
export async function measureDelivery(cluster: KafkaCluster): Promise<void> {
  const topic = uniqueName('queue');
  await cluster.createTopic(topic, { partitions: PARTITIONS });
  const environment = {
    QUEUE_DRIVER: 'kafka',
    KAFKA_BROKERS: cluster.addresses,
    QUEUE_KAFKA_TOPIC: topic,
    QUEUE_ACK: 'local',
    LOG_ROTATE_MB: '0',
    SHUTDOWN_TIMEOUT_MS: '5000',
  };
  await fill(environment);
  console.log(`\n${EVENTS} events from a topic of ${PARTITIONS} partitions\n`);
  const ratios: [toBare: number, toSyncing: number, ofLargeToBare: number][] = [];
  const speedUps: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const bare = report('bare fetch loop', await fetchLoop(cluster, topic));
    const syncing = report('fetch and sync', await fetchAndSync(cluster, topic));
    const one = report('one deliver', await deliver(cluster, environment, 1));
    const large = { ...environment, BATCH_SIZE: '5000' };
    const ofLarge = report('in large batches', await deliver(cluster, large, 1));
    const two = report('two deliver', await deliver(cluster, environment, 2));
    ratios.push([
      one.micros / bare.micros,
      one.micros / syncing.micros,
      ofLarge.micros / bare.micros,
    ]);
    speedUps.push(two.rate / one.rate);
  }
  const told = (values: readonly number[]): string =>
    `${values.map((value) => value.toFixed(2)).join(', ')}; median ${median(values).toFixed(2)}`;
  console.log(
    `\nCPU an event, one deliver by the bare loop: ${told(ratios.map(([toBare]) => toBare))}` +
      `\nCPU an event, one deliver by fetch and sync: ${told(ratios.map(([, toSyncing]) => toSyncing))}` +
      `\nCPU an event, one deliver with BATCH_SIZE=5000 by the bare loop: ${told(ratios.map(([, , ofLargeToBare]) => ofLargeToBare))}` +
      `\nevents/s, two deliver by one: ${told(speedUps)}`,
  );
}

async function fill(environment: Record<string, string>): Promise<void> {
  const workplace = await Workplace.create();
  try {
    const ingest = await workplace.start({ ...environment, ROLE: 'ingest' });
    await queueEvents(ingest, EVENTS, event);
    await ingest.drained('queue');
    await ingest.stop();
  } finally {
    await workplace.remove();
  }
}

async function fetchAndSync(cluster: KafkaCluster, topic: string): Promise<Fetched> {
  const workplace = await Workplace.create();
  try {
    return await fetchLoop(cluster, topic, workplace.path('lines'));
  } finally {
    await workplace.remove();
  }
}

async function fetchLoop(
  cluster: KafkaCluster,
  topic: string,
  ...path: readonly string[]
): Promise<Fetched> {
  const loader = ['--import', './test/support/typescript-loader.mjs'];
  const { stdout } = await run(
    process.execPath,
    [...loader, 'bench/fetch-loop.ts', topic, String(FIRST_EVENTS), ...path],
    {
      env: { ...process.env, KAFKA_BROKERS: cluster.addresses },
    },
  );
  return JSON.parse(stdout) as Fetched;
}

/** With a group that begins again. */
async function deliver(
  cluster: KafkaCluster,
  environment: Record<string, string>,
  count: number,
): Promise<Fetched> {
  const workplaces = await Promise.all(Array.from({ length: count }, () => Workplace.create()));
  try {
    const instances = await Promise.all(
      workplaces.map(async (workplace, index) => {
        await mkdir(workplace.path(...LOG), { recursive: true });
        return workplace.start({
          ...environment,
          ROLE: 'deliver',
          OUTPUTS: 'log',
          INSTANCE_ID: `deliver-${index}`,
        });
      }),
    );
    await until(async () => {
      const owned = await Promise.all(
        instances.map((each) => each.metric('gotrack_queue_partitions_owned', { sink: 'log' })),
      );
      return owned.every((partitions) => partitions === PARTITIONS / count);
    });
    await Promise.all(workplaces.map((workplace) => rmdir(workplace.path(...LOG))));
    return await watch(workplaces, instances);
  } finally {
    await Promise.all(workplaces.map((workplace) => workplace.remove()));
    await cluster.deleteGroup('gotrack.log');
  }
}

async function watch(
  workplaces: readonly Workplace[],
  instances: readonly Collector[],
): Promise<Fetched> {
  const paths = workplaces.map((workplace) => workplace.path(...LOG));
  const sample = async (): Promise<{ at: number; bytes: number; cpu: number }> => ({
    bytes: await sumOf(paths, sizeOf),
    cpu: await sumOf(instances, ({ pid }) => cpuSeconds(pid)),
    at: performance.now(),
  });
  let line: number | undefined;
  let first = await sample();
  while (line === undefined || first.bytes < FIRST_EVENTS * line) {
    await sleep(POLL_MS);
    line ??= await lineBytes(paths);
    first = await sample();
  }
  let last = first;
  while (last.bytes < EVENTS * line) {
    await sleep(POLL_MS);
    last = await sample();
  }
  await Promise.all(instances.map((instance) => instance.stop()));
  return {
    events: (last.bytes - first.bytes) / line,
    seconds: (last.at - first.at) / 1000,
    cpuSeconds: last.cpu - first.cpu,
  };
}

export async function sumOf<T>(
  items: readonly T[],
  valueOf: (item: T) => Promise<number>,
): Promise<number> {
  return (await Promise.all(items.map(valueOf))).reduce((sum, value) => sum + value, 0);
}

function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (found) => (found.isFile() ? found.size : 0),
    () => 0,
  );
}

async function lineBytes(paths: readonly string[]): Promise<number | undefined> {
  for (const path of paths) {
    if ((await sizeOf(path)) > 0) {
      const handle = await open(path);
      const { buffer } = await handle.read(Buffer.alloc(LONGEST_LINE));
      await handle.close();
      return buffer.indexOf('\n') + 1;
    }
  }
  return undefined;
}

function report(
  name: string,
  { events, seconds, cpuSeconds: cpu }: Fetched,
): { rate: number; micros: number } {
  const figures = { rate: events / seconds, micros: (cpu * 1e6) / events };
  console.log(
    `${name.padEnd(16)} ${figures.rate.toFixed(0).padStart(8)} events/s  ${figures.micros.toFixed(2)} µs CPU an event`,
  );
  return figures;
}
