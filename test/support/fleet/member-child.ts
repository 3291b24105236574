import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { DeadLetterFiles } from '../../../src/delivery/dead-letters/dead-letter-files.js';
import { DeadLetters } from '../../../src/delivery/dead-letters/dead-letters.js';
import { Lane } from '../../../src/delivery/lane.js';
import { DeadLetterRequests } from '../../../src/disk/dead-letter-requests.js';
import type { StoredEvent } from '../../../src/event/stored-event.js';
import { KafkaConnectionOptions } from '../../../src/kafka/kafka-connection.options.js';
import { KafkaReaders } from '../../../src/queueing/kafka/kafka-readers.js';
import { RetryableSinkError, Sink, type Written } from '../../../src/sinks/sink.js';
import { RecordingObserver } from '../fakes/recording-observer.js';
import type { MemberSettings } from './member.js';

/**
 * Delivers a topic to files, as an instance with the role `deliver` does to its sinks, until it gets SIGTERM. Each line of
 * its standard input asks for its state, which it writes as a line of JSON to its standard output.
 */
const settings = JSON.parse(process.argv[2] ?? '') as MemberSettings;
const { directory, instanceId, sinks, topic, sessionMs, groupPrefix, writeMs } = settings;

class FileSink extends Sink {
  constructor(private readonly name: string) {
    super();
  }

  async open(): Promise<void> {}

  async write(batch: readonly StoredEvent[]): Promise<Written> {
    if (existsSync(join(directory, `${this.name}.${instanceId}.down`))) {
      throw new RetryableSinkError('connection', 'the sink is down');
    }
    await sleep(writeMs);
    const lines = batch.map(({ json }) => `${json.toString()}\n`).join('');
    appendFileSync(join(directory, `${this.name}.${instanceId}.ndjson`), lines);
    return { duplicates: 0 };
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {}
}

const say = (message: string): void => {
  process.stderr.write(`${new Date().toISOString()} ${instanceId} ${message}\n`);
};
Logger.overrideLogger({ log: say, warn: say, error: say });

const observer = new RecordingObserver();
const dead = join(directory, `${instanceId}-dead`);
const readers = await KafkaReaders.open(
  {
    connection: Object.assign(new KafkaConnectionOptions(), { brokers: settings.brokers }),
    topic,
    instanceId,
    sinks,
    marksDirectory: dead,
    sessionMs,
    groupPrefix,
  },
  observer,
);
const store = new DeadLetterFiles(dead, 1024 * 1024);
const letters = new DeadLetters(store, new DeadLetterRequests(dead));
const bounds = { maxEvents: settings.batchEvents, maxBytes: 4 * 1024 * 1024, lingerMs: 20 };
const lanes = sinks.map(
  (name) => new Lane(readers.reader(name), new FileSink(name), bounds, letters, observer),
);
lanes.forEach((lane) => lane.start());

createInterface({ input: process.stdin }).on('line', () => {
  const state = lanes.map(({ name, holding, accounting }) => {
    const reader = readers.reader(name);
    const { progress, depth, partitions, owned } = reader;
    return [name, { progress, depth, partitions, owned, holding, ledger: accounting.ledger }];
  });
  process.stdout.write(`${JSON.stringify(Object.fromEntries(state))}\n`);
});

process.once('SIGTERM', () => {
  const deadline = AbortSignal.timeout(10_000);
  void Promise.all(lanes.map((lane) => lane.drain(deadline)))
    .then(() => readers.close())
    .then(() => store.close())
    .finally(() => process.exit());
});
