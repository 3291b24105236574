// Measures how fast a backlog drains into Kafka, beside kcat (librdkafka's idempotent producer, in C) with the same
// records on the same broker: the machine's mood is in both figures, the ratio is what compares.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Workplace } from '../test/support/servers/collector.js';
import { runDebianProgram } from '../test/support/servers/debian-program.js';
import { freePort } from '../test/support/servers/free-port.js';
import { KafkaBroker } from '../test/support/servers/kafka-broker.js';
import { queueEvents, settingsFromEnvironment } from './queue-events.js';

const EVENTS = 200_000;
const KCAT = ['kcat', 'librdkafka1', 'libyajl2'];
/** Makes an event of 1 KiB as it is stored. */
const TEXT_BYTES = 808;
const PARTITIONS = 3;
const ROUNDS = 3;
const POLL_MS = 50;

const oneKibibyte = (): object => ({
  event_id: randomUUID(),
  type: 'pageview',
  props: { text: 'x'.repeat(TEXT_BYTES) },
});

/** With Kafka away. The log sink leaves a file of the records as they are stored. */
async function queueBacklog(
  workplace: Workplace,
  environment: Record<string, string>,
): Promise<void> {
  const accepting = await workplace.start({
    ...environment,
    OUTPUTS: 'log,kafka',
    LOG_ROTATE_MB: '0',
    KAFKA_BROKERS: `127.0.0.1:${await freePort()}`,
  });
  await queueEvents(accepting, EVENTS, oneKibibyte);
  await accepting.drained('log');
  await accepting.stop();
}

interface Drained {
  readonly eventsPerSecond: number;
  readonly cpuMicrosecondsPerEvent: number;
}

/** From the collector's first answer, when some are delivered already, to the last event's confirmation. */
async function drain(workplace: Workplace, environment: Record<string, string>): Promise<Drained> {
  const collector = await workplace.start(environment);
  const read = async (): Promise<{ at: number; left: number; cpuSeconds: number }> => ({
    left: await collector.metric('gotrack_queue_depth', { sink: 'kafka' }),
    cpuSeconds: await collector.metric('process_cpu_seconds_total'),
    at: performance.now(),
  });
  const first = await read();
  let last = first;
  while (last.left > 0) {
    await sleep(POLL_MS);
    last = await read();
  }
  await collector.stop();
  const events = first.left - last.left;
  return {
    eventsPerSecond: events / ((last.at - first.at) / 1000),
    cpuMicrosecondsPerEvent: ((last.cpuSeconds - first.cpuSeconds) / events) * 1e6,
  };
}

/** @returns path of a file of the log sink's lines, with their keys */
async function keyedLines(workplace: Workplace): Promise<string> {
  const path = join(workplace.directory, 'keyed');
  const file = createWriteStream(path);
  const lines = createInterface({ input: createReadStream(workplace.path('data/events.ndjson')) });
  for await (const line of lines) {
    const key = /"event_id":"([^"]+)"/.exec(line)?.[1];
    if (!file.write(`${key}\t${line}\n`)) {
      await once(file, 'drain');
    }
  }
  file.end();
  await once(file, 'close');
  return path;
}

async function expectEveryRecord(broker: KafkaBroker, topic: string): Promise<void> {
  const ends = await broker.endsOf(topic, PARTITIONS);
  const count = ends.reduce((sum, end) => sum + end, 0);
  if (count !== EVENTS) {
    throw new Error(`the topic has ${count} records, not ${EVENTS}`);
  }
}

/** @returns the ratio of the two rates */
async function round(broker: KafkaBroker): Promise<number> {
  const workplace = await Workplace.create();
  const [topic, peerTopic] = [`gotrack-${randomUUID()}`, `kcat-${randomUUID()}`];
  try {
    for (const name of [topic, peerTopic]) {
      await broker.createTopic(name, { partitions: PARTITIONS });
    }
    const environment = {
      OUTPUTS: 'kafka',
      KAFKA_BROKERS: broker.address(),
      KAFKA_TOPIC: topic,
      SHUTDOWN_TIMEOUT_MS: '100',
      ...settingsFromEnvironment(['BATCH_SIZE', 'KAFKA_COMPRESSION', 'KAFKA_ACKS']),
    };
    await queueBacklog(workplace, environment);
    const drained = await drain(workplace, environment);
    await expectEveryRecord(broker, topic);
    report(
      'gotrack',
      drained.eventsPerSecond,
      `  ${drained.cpuMicrosecondsPerEvent.toFixed(1)} µs CPU an event`,
    );

    const file = await keyedLines(workplace);
    const startedAt = performance.now();
    const to = ['-b', broker.address(), '-t', peerTopic, '-K', '\t', '-l', file];
    const headers = ['-H', 'event_type=pageview', '-H', 'schema=v1'];
    const settings = ['-X', 'enable.idempotence=true', '-X', 'partitioner=murmur2_random'];
    await runDebianProgram('kcat', KCAT, ['-P', ...to, ...headers, ...settings]);
    const peerRate = EVENTS / ((performance.now() - startedAt) / 1000);
    await expectEveryRecord(broker, peerTopic);
    report('kcat', peerRate);
    return drained.eventsPerSecond / peerRate;
  } finally {
    await workplace.remove();
    for (const name of [topic, peerTopic]) {
      await broker.deleteTopic(name);
    }
  }
}

function report(name: string, eventsPerSecond: number, more = ''): void {
  console.log(`${name.padEnd(12)} ${eventsPerSecond.toFixed(0).padStart(7)} events/s${more}`);
}

export async function run(): Promise<void> {
  const broker = await KafkaBroker.start();
  if (!broker) {
    throw new Error('there is no Kafka to measure with');
  }
  try {
    console.log(
      `${EVENTS} events of 1 KiB from the queue into a topic of ${PARTITIONS} partitions, ` +
        `and by kcat (Debian's package), ${ROUNDS} rounds\n`,
    );
    const ratios: number[] = [];
    for (let n = 0; n < ROUNDS; n += 1) {
      ratios.push(await round(broker));
    }
    console.log(`\nratios to kcat ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}`);
  } finally {
    await broker.stop();
  }
}
