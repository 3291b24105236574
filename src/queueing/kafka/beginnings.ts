import type { RecordsBatch } from '@platformatic/kafka';
import { Cluster } from '../../kafka/cluster.js';
import type { KafkaConnectionOptions } from '../../kafka/kafka-connection.options.js';
import { codeError } from '../../kafka/kafka-error.js';
import { Producer } from '../../kafka/producer.js';
import { CODES } from '../../kafka/protocol-codes.js';
import { SINKS_TOPIC } from './kafka-queue.options.js';
import { fetchRecords, offsetsAt } from './topic-calls.js';

const ONLY_PARTITION = 0;
const FETCH = { waitMs: 100, maxBytes: 1024 * 1024, maxPartitionBytes: 1024 * 1024 };

/** Where a sink begins in a topic. Records from before that are not for it. */
export interface Beginning {
  readonly sink: string;
  readonly topic: string;
  /** A topic of that name that is made later has another one. */
  readonly topicId: string;
  /** By partition; a partition that came later is read from its first record on. */
  readonly offsets: ReadonlyMap<number, number>;
  /** Its group had offsets, so that it has lost them when it has none. */
  readonly hasBegun: boolean;
}

/** Everything that is recorded about the topic, by sink. Where two have recorded at the same time, the earlier offset counts. */
export async function readBeginnings(
  cluster: Cluster,
  topic: string,
): Promise<ReadonlyMap<string, Beginning>> {
  const found = new Map<string, Beginning>();
  for (const text of await readValues(cluster)) {
    const beginning = decode(text);
    if (beginning?.topic === topic) {
      found.set(beginning.sink, earlier(beginning, found.get(beginning.sink)));
    }
  }
  return found;
}

/** Durable when it resolves. */
export async function writeBeginnings(
  connection: KafkaConnectionOptions,
  beginnings: readonly Beginning[],
): Promise<void> {
  const producer = new Producer<Beginning>(
    new Cluster(connection),
    { topic: SINKS_TOPIC, acks: -1, compression: 'none' },
    (beginning) => ({
      key: Buffer.from(`${beginning.topic}/${beginning.sink}`),
      value: Buffer.from(encode(beginning)),
      headers: new Map(),
    }),
  );
  try {
    await producer.open();
    await producer.write(beginnings);
  } finally {
    producer.close();
  }
}

/** The earlier of two for the same topic; one for a later topic replaces that of a topic that is gone. */
function earlier(beginning: Beginning, other: Beginning | undefined): Beginning {
  if (!other || other.topicId !== beginning.topicId) {
    return beginning;
  }
  const partitions = new Set([...beginning.offsets.keys(), ...other.offsets.keys()]);
  const offsets = Array.from(
    partitions,
    (partition) =>
      [
        partition,
        Math.min(beginning.offsets.get(partition) ?? 0, other.offsets.get(partition) ?? 0),
      ] as const,
  );
  const hasBegun = beginning.hasBegun || other.hasBegun;
  return { ...beginning, offsets: new Map(offsets), hasBegun };
}

async function readValues(cluster: Cluster): Promise<readonly string[]> {
  const topic = await cluster.topic(SINKS_TOPIC);
  const leader = topic.partitions[ONLY_PARTITION]?.leader;
  const earliest = await offsetsAt(cluster, SINKS_TOPIC, topic, [ONLY_PARTITION], 'earliest');
  const latest = await offsetsAt(cluster, SINKS_TOPIC, topic, [ONLY_PARTITION], 'latest');
  const end = latest.get(ONLY_PARTITION);
  let next = earliest.get(ONLY_PARTITION);
  if (leader === undefined || end === undefined || next === undefined) {
    throw codeError(CODES.leaderNotAvailable);
  }
  const values: string[] = [];
  while (next < end) {
    const wanted = [{ partition: ONLY_PARTITION, offset: next }];
    const [fetched] = await fetchRecords(cluster, leader, topic.id, wanted, FETCH);
    if (fetched && fetched.errorCode !== CODES.none) {
      throw codeError(fetched.errorCode);
    }
    for (const batch of fetched?.batches ?? []) {
      values.push(...valuesFrom(batch, next));
      next = Math.max(next, Number(batch.firstOffset) + batch.lastOffsetDelta + 1);
    }
  }
  return values;
}

function valuesFrom({ firstOffset, records }: RecordsBatch, offset: number): string[] {
  return records
    .filter(({ offsetDelta }) => Number(firstOffset) + offsetDelta >= offset)
    .flatMap(({ value }) => (value ? [value.toString()] : []));
}

function encode({ offsets, ...beginning }: Beginning): string {
  return JSON.stringify({ v: 1, ...beginning, offsets: Object.fromEntries(offsets) });
}

/** Undefined when it is not of our making. */
function decode(text: string): Beginning | undefined {
  try {
    const { v, offsets, ...beginning } = JSON.parse(text) as {
      readonly v: number;
      readonly sink: string;
      readonly topic: string;
      readonly topicId: string;
      readonly hasBegun: boolean;
      readonly offsets: Readonly<Record<string, number>>;
    };
    const entries = Object.entries(offsets).map(
      ([partition, offset]) => [Number(partition), offset] as const,
    );
    return v === 1 ? { ...beginning, offsets: new Map(entries) } : undefined;
  } catch {
    return undefined;
  }
}
