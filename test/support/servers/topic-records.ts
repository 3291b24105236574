import { type Admin, Connection, fetchV12 } from '@platformatic/kafka';

export interface TopicRecord {
  readonly partition: number;
  readonly key: string | undefined;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Its time, in milliseconds. */
  readonly timestamp: number;
}

const FETCH_BYTES = 10_000_000;

interface Place {
  readonly host: string;
  readonly port: number;
}

/**
 * Everything in the topic, in the order of each partition. Without a consumer group: a group's coordinator is chosen
 * anew when a broker has come back, and refuses members meanwhile.
 */
export async function readTopic(admin: Admin, topic: string): Promise<TopicRecord[]> {
  const { brokers, topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
  const partitions = topics.get(topic)?.partitions ?? [];
  const ends = await endsOf(admin, topic, partitions.length);
  const records: TopicRecord[] = [];
  for (const [partition, end] of ends.entries()) {
    const leader = brokers.get(partitions[partition]?.leader ?? -1);
    if (!leader) {
      throw new Error(`partition ${partition} of ${topic} has no leader`);
    }
    if (end > 0) {
      records.push(...(await readPartition(leader, topic, partition, end)));
    }
  }
  return records;
}

/** How many records there are in each partition. */
export async function endsOf(admin: Admin, name: string, partitions: number): Promise<number[]> {
  const latest = Array.from({ length: partitions }, (_, partitionIndex) => ({
    partitionIndex,
    timestamp: -1n,
  }));
  const [topic] = await admin.listOffsets({ topics: [{ name, partitions: latest }] });
  return (topic?.partitions ?? [])
    .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
    .map(({ offset }) => Number(offset));
}

async function readPartition(
  { host, port }: Place,
  topic: string,
  partition: number,
  end: number,
): Promise<TopicRecord[]> {
  const connection = new Connection('gotrack-tests', { connectTimeout: 2000 });
  connection.on('error', () => {});
  const records: TopicRecord[] = [];
  let next = 0;
  try {
    await connection.connect(host, port);
    while (next < end) {
      for (const batch of await fetch(connection, topic, partition, next)) {
        for (const { offsetDelta, timestampDelta, key, value, headers } of batch.records) {
          // A fetch begins with the batch that holds the offset.
          if (Number(batch.firstOffset) + offsetDelta >= next) {
            records.push({
              partition,
              key: (key as Buffer | null | undefined)?.toString(),
              value: String(value),
              headers: Object.fromEntries(headers.map((pair) => pair.map(String))),
              timestamp: Number(batch.firstTimestamp + timestampDelta),
            });
          }
        }
        next = Number(batch.firstOffset) + batch.lastOffsetDelta + 1;
      }
    }
  } finally {
    await connection.close();
  }
  return records;
}

async function fetch(connection: Connection, topic: string, partition: number, offset: number) {
  const wanted = {
    partition,
    currentLeaderEpoch: -1,
    fetchOffset: BigInt(offset),
    lastFetchedEpoch: -1,
    partitionMaxBytes: FETCH_BYTES,
  };
  const topics = [{ topicId: topic, partitions: [wanted] }];
  const { responses } = await fetchV12.api.async(
    connection,
    1000,
    1,
    FETCH_BYTES,
    0,
    0,
    -1,
    topics,
    [],
    '',
  );
  return responses[0]?.partitions[0]?.records ?? [];
}
