import { fetchV13, listOffsetsV7, type RecordsBatch } from '@platformatic/kafka';
import { type Cluster, orAnswer, type Topic } from '../../kafka/cluster.js';
import { codeError } from '../../kafka/kafka-error.js';
import { CODES } from '../../kafka/protocol-codes.js';

/** The times that `ListOffsets` takes for the ends of a log. */
const ENDS = { earliest: -2n, latest: -1n } as const;
/** This one reads, and keeps no copy. */
const NO_REPLICA = -1;
const ANY_EPOCH = -1;
const NO_SESSION = { id: 0, epoch: -1 };

export interface FetchFrom {
  readonly partition: number;
  readonly offset: number;
}

export interface FetchBounds {
  /** How long the broker waits for a record. */
  readonly waitMs: number;
  /** The first batch of records always fits. */
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
}

export interface Fetched {
  readonly partition: number;
  /** One of the protocol's codes. */
  readonly errorCode: number;
  /** Offset after the last record that all replicas have. */
  readonly end: number;
  readonly batches: readonly RecordsBatch[];
}

/** Rejects when the leader gives no answer; what it says of single partitions is in their parts. */
export async function fetchRecords(
  cluster: Cluster,
  leader: number,
  topicId: string,
  wanted: readonly FetchFrom[],
  { waitMs, maxBytes, maxPartitionBytes }: FetchBounds,
): Promise<readonly Fetched[]> {
  const partitions = wanted.map(({ partition, offset }) => ({
    partition,
    currentLeaderEpoch: ANY_EPOCH,
    fetchOffset: BigInt(offset),
    lastFetchedEpoch: ANY_EPOCH,
    partitionMaxBytes: maxPartitionBytes,
  }));
  const { errorCode: failure, responses } = await cluster.onBroker(leader, (connection) =>
    orAnswer(
      fetchV13.api.async(
        connection,
        waitMs,
        1,
        maxBytes,
        0,
        NO_SESSION.id,
        NO_SESSION.epoch,
        [{ topicId, partitions }],
        [],
        '',
      ),
    ),
  );
  if (failure !== CODES.none) {
    throw codeError(failure);
  }
  return responses.flatMap((topic) =>
    topic.partitions.map(({ partitionIndex, errorCode, highWatermark, records }) => ({
      partition: partitionIndex,
      errorCode,
      end: Number(highWatermark),
      batches: records ?? [],
    })),
  );
}

/** @returns by partition; those whose leader does not tell are left out */
export async function offsetsAt(
  cluster: Cluster,
  name: string,
  { partitions }: Topic,
  wanted: readonly number[],
  end: keyof typeof ENDS,
): Promise<ReadonlyMap<number, number>> {
  const byLeader = Map.groupBy(wanted, (partition) => partitions[partition]?.leader);
  const found = await Promise.all(
    Array.from(byLeader, async ([leader, led]) =>
      leader === undefined ? [] : ledOffsets(cluster, leader, name, led, ENDS[end]).catch(() => []),
    ),
  );
  return new Map(found.flat());
}

async function ledOffsets(
  cluster: Cluster,
  leader: number,
  name: string,
  partitions: readonly number[],
  timestamp: bigint,
): Promise<[number, number][]> {
  const asked = partitions.map((partitionIndex) => ({
    partitionIndex,
    currentLeaderEpoch: ANY_EPOCH,
    timestamp,
  }));
  const { topics } = await cluster.onBroker(leader, (connection) =>
    orAnswer(listOffsetsV7.api.async(connection, NO_REPLICA, 0, [{ name, partitions: asked }])),
  );
  return topics
    .flatMap((topic) => topic.partitions)
    .filter(({ errorCode, offset }) => errorCode === CODES.none && offset >= 0n)
    .map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)]);
}
