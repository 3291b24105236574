import { Cluster, type Topic } from '../../kafka/cluster.js';
import { codeError } from '../../kafka/kafka-error.js';
import { CODES } from '../../kafka/protocol-codes.js';
import type { SinkStatus } from '../event-queue.js';
import { Fleet, type FleetStatus } from '../fleet.js';
import { type Beginning, readBeginnings } from './beginnings.js';
import { type CommittedOffset, Coordinator } from './coordinator.js';
import { GROUP_PREFIX } from './kafka-queue.options.js';
import { accountOf, type OwnedPartition, partitionAt, progressOf } from './owned-partition.js';
import type { QueueTopicOptions } from './prepare-queue.js';
import { RecordTimes } from './record-times.js';
import { offsetsAt } from './topic-calls.js';

const RETENTION = 'retention.ms';
/** Answers of the brokers are used for so long: a scrape, a status page and a second scraper share them. */
const FRESH_MS = 1000;

export interface FleetViewOptions extends QueueTopicOptions {
  /** How many partitions this instance reads for the sink. */
  readonly ownedBy: (sink: string) => number;
}

/** Reads the committed offsets of all groups, and takes no part in any: so the lag of a sink that nobody serves still shows. */
export class FleetView extends Fleet {
  private readonly cluster: Cluster;
  private readonly groups: ReadonlyMap<string, Coordinator>;
  private readonly times: RecordTimes;
  private beginnings: ReadonlyMap<string, Beginning> = new Map();
  private reading: Promise<FleetStatus> | undefined;
  private readAtMs = -Infinity;

  constructor(private readonly options: FleetViewOptions) {
    super();
    const { connection, sinks } = options;
    this.cluster = new Cluster(connection);
    this.times = new RecordTimes(this.cluster);
    const none = { sessionMs: 0, rebalanceMs: 0 };
    this.groups = new Map(
      sinks.map((sink) => [
        sink,
        new Coordinator(this.cluster, this.cluster, GROUP_PREFIX + sink, '', none),
      ]),
    );
  }

  status(): Promise<FleetStatus> {
    const now = performance.now();
    if (this.reading === undefined || now - this.readAtMs > FRESH_MS) {
      this.readAtMs = now;
      const reading = this.read();
      this.reading = reading;
      reading.catch(() => {
        this.reading = undefined;
      });
    }
    return this.reading;
  }

  owned(): ReadonlyMap<string, number> {
    const { sinks, ownedBy } = this.options;
    return new Map(sinks.map((sink) => [sink, ownedBy(sink)]));
  }

  close(): void {
    this.cluster.close();
  }

  private async read(): Promise<FleetStatus> {
    const { cluster, options } = this;
    const topic = await cluster.topic(options.topic);
    await this.refreshBeginnings(topic);
    const all = topic.partitions.map((_, partition) => partition);
    // In this order, since all of them grow: what is committed lies between the two others, unless retention has overtaken it.
    const earliest = await this.offsets(topic, all, 'earliest');
    const committed = await Promise.all(
      Array.from(
        this.groups,
        async ([sink, group]) => [sink, await group.offsets(options.topic, all)] as const,
      ),
    );
    const ends = await this.offsets(topic, all, 'latest');
    const configs = await cluster.topicConfigs(options.topic, [RETENTION]);
    return {
      partitions: all.length,
      retentionSeconds: secondsOf(configs.get(RETENTION)),
      sinks: await Promise.all(
        committed.map(([sink, offsets]) =>
          this.statusOf(
            sink,
            topic,
            partitionsOf(this.beginnings.get(sink), topic.id, offsets, { earliest, ends }),
          ),
        ),
      ),
    };
  }

  private async statusOf(
    sink: string,
    topic: Topic,
    partitions: ReadonlyMap<number, OwnedPartition>,
  ): Promise<SinkStatus> {
    const waiting = [...partitions].filter(([, { committed, end }]) => committed < end);
    const times = await Promise.all(
      waiting.map(([partition, { committed }]) => this.times.at(topic, partition, committed)),
    );
    const oldestMs = Math.min(...times.map((time) => time ?? Infinity));
    return {
      sink,
      progress: progressOf(partitions),
      account: accountOf(partitions),
      oldestEventAgeSeconds: Math.max(0, Date.now() - oldestMs) / 1000,
    };
  }

  /** What is recorded once stays. */
  private async refreshBeginnings({ id }: Topic): Promise<void> {
    const { topic, sinks } = this.options;
    if (sinks.some((sink) => this.beginnings.get(sink)?.topicId !== id)) {
      this.beginnings = await readBeginnings(this.cluster, topic);
    }
  }

  /** @throws KafkaError some are not known: a sum over the others would be wrong */
  private async offsets(
    topic: Topic,
    wanted: readonly number[],
    end: 'earliest' | 'latest',
  ): Promise<ReadonlyMap<number, number>> {
    const found = await offsetsAt(this.cluster, this.options.topic, topic, wanted, end);
    if (found.size < wanted.length) {
      throw codeError(CODES.leaderNotAvailable);
    }
    return found;
  }
}

interface LogBounds {
  readonly earliest: ReadonlyMap<number, number>;
  readonly ends: ReadonlyMap<number, number>;
}

/** What retention has deleted counts as expired at once: the next reader of the partition finds the same. */
function partitionsOf(
  beginning: Beginning | undefined,
  topicId: string,
  offsets: ReadonlyMap<number, CommittedOffset>,
  { earliest, ends }: LogBounds,
): ReadonlyMap<number, OwnedPartition> {
  const isRecorded = beginning?.topicId === topicId;
  return new Map(
    Array.from(ends, ([partition, end]) => {
      const first = earliest.get(partition) ?? 0;
      const start = isRecorded ? (beginning.offsets.get(partition) ?? 0) : first;
      const { committed, account } = partitionAt(topicId, start, offsets.get(partition));
      const expired = Math.max(0, first - committed);
      return [
        partition,
        {
          committed: committed + expired,
          end: Math.max(end, committed + expired),
          account: { ...account, expired: account.expired + expired },
        },
      ] as const;
    }),
  );
}

/** @param milliseconds -1 for ever */
function secondsOf(milliseconds: string | undefined): number | undefined {
  const ms = Number(milliseconds ?? -1);
  return ms >= 0 ? ms / 1000 : undefined;
}
