import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from '../../../src/kafka/cluster.js';
import { KafkaConnectionOptions } from '../../../src/kafka/kafka-connection.options.js';
import { Producer } from '../../../src/kafka/producer.js';
import type { PipelineObserver } from '../../../src/metrics/pipeline-observer.js';
import { EventQueue, type QueueState, type Readers } from '../../../src/queueing/event-queue.js';
import type { KafkaReader } from '../../../src/queueing/kafka/kafka-reader.js';
import { KafkaReaders } from '../../../src/queueing/kafka/kafka-readers.js';
import { until } from '../servers/collector.js';
import type { KafkaBroker } from '../servers/kafka-broker.js';
import { uniqueName } from '../servers/postgres-server.js';
import type { QueueHarness } from './queue-harness.js';

const EVERYTHING = { maxEvents: Infinity, maxBytes: Infinity, lingerMs: 0 };

export function connectionTo(addresses: string): KafkaConnectionOptions {
  return Object.assign(new KafkaConnectionOptions(), { brokers: addresses.split(',') });
}

/** A topic of one partition: its events have one order. */
export class KafkaHarness implements QueueHarness {
  readonly moreProgress = { expired: 0 };
  private readonly name = uniqueName('queue');

  private constructor(
    private readonly broker: KafkaBroker,
    private readonly marksDirectory: string,
  ) {}

  static async create(broker: KafkaBroker): Promise<KafkaHarness> {
    const harness = new KafkaHarness(broker, await mkdtemp(join(tmpdir(), 'gotrack-marks-')));
    await broker.createTopic(harness.name, { partitions: 1 });
    return harness;
  }

  async open(sinks: readonly string[], observer: PipelineObserver): Promise<EventQueue & Readers> {
    const { name, marksDirectory } = this;
    const connection = connectionTo(this.broker.address());
    const readers = await KafkaReaders.open(
      {
        connection,
        topic: name,
        instanceId: 'contract',
        sinks,
        marksDirectory,
        groupPrefix: `${name}.`,
      },
      observer,
    );
    const topic = { topic: name, acks: -1, compression: 'none' } as const;
    const producer = new Producer<Buffer>(new Cluster(connection), topic, (value) => ({
      key: undefined,
      value,
      headers: new Map(),
    }));
    observer.queueOpened(() =>
      Promise.resolve({ bytes: 0, capacityBytes: Infinity, filesystemAvailableBytes: Infinity }),
    );
    const queue = new ReadTopic(readers, sinks, producer, () => this.end());
    await queue.caughtUp();
    return queue;
  }

  /** Nothing is given up: a group whose sink is gone keeps its offsets. */
  forget(): Promise<number> {
    return Promise.reject(new Error('the readers of a topic forget nothing'));
  }

  bytesOf(): number {
    return 0;
  }

  repair(): void {}

  remove(): Promise<void> {
    return rm(this.marksDirectory, { recursive: true, force: true });
  }

  private async end(): Promise<number> {
    return (await this.broker.endsOf(this.name, 1))[0] ?? 0;
  }
}

/** Readers of a topic, and a writer that waits until they have seen what it has written. */
class ReadTopic extends EventQueue implements Readers {
  readonly state: QueueState = 'accepting';
  readonly overloaded = false;
  readonly failure = undefined;
  private appending: Promise<void> = Promise.resolve();

  constructor(
    private readonly readers: KafkaReaders,
    private readonly sinks: readonly string[],
    private readonly producer: Producer<Buffer>,
    private readonly end: () => Promise<number>,
  ) {
    super();
  }

  append(events: readonly Buffer[]): Promise<void> {
    this.appending = this.appending.then(async () => {
      await this.producer.write(events);
      await this.caughtUp();
    });
    return this.appending;
  }

  reader(sink: string): KafkaReader {
    return this.readers.reader(sink);
  }

  async close(): Promise<void> {
    this.producer.close();
    await this.readers.close();
  }

  async caughtUp(): Promise<void> {
    const end = await this.end();
    await until(async () => {
      const seen = await Promise.all(this.sinks.map((sink) => this.hasSeen(sink, end)));
      return !seen.includes(false);
    });
  }

  private async hasSeen(sink: string, end: number): Promise<boolean> {
    const reader = this.reader(sink);
    const { events, end: peeked } = await reader.peek(0, EVERYTHING);
    return reader.partitions.owned === 1 && events.length === reader.depth && peeked === end;
  }
}
