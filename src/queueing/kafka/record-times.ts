import type { Cluster, Topic } from '../../kafka/cluster.js';
import { fetchRecords } from './topic-calls.js';

/** One byte: a broker hands out the first batch of records whole, and no more. */
const FETCH = { waitMs: 0, maxBytes: 1, maxPartitionBytes: 1 };

/** One for each sink that lags behind in a partition. */
const MAX_KNOWN = 16;

interface Known {
  readonly topicId: string;
  readonly offset: number;
  readonly timeMs: number;
}

/** When records were appended, asked once for each that is asked for in turn. */
export class RecordTimes {
  private readonly known = new Map<number, readonly Known[]>();

  constructor(private readonly cluster: Cluster) {}

  /** @returns Unix ms of the record at the offset or after it; undefined when the broker does not tell */
  async at(
    { id, partitions }: Topic,
    partition: number,
    offset: number,
  ): Promise<number | undefined> {
    const known = this.known
      .get(partition)
      ?.find((one) => one.topicId === id && one.offset === offset);
    if (known) {
      return known.timeMs;
    }
    const leader = partitions[partition]?.leader;
    if (leader === undefined) {
      return undefined;
    }
    const timeMs = await this.fetch(leader, id, partition, offset).catch(() => undefined);
    if (timeMs !== undefined) {
      const others = this.known.get(partition) ?? [];
      this.known.set(partition, [{ topicId: id, offset, timeMs }, ...others].slice(0, MAX_KNOWN));
    }
    return timeMs;
  }

  private async fetch(
    leader: number,
    topicId: string,
    partition: number,
    offset: number,
  ): Promise<number | undefined> {
    const [fetched] = await fetchRecords(
      this.cluster,
      leader,
      topicId,
      [{ partition, offset }],
      FETCH,
    );
    for (const { firstOffset, firstTimestamp, records } of fetched?.batches ?? []) {
      const record = records.find(({ offsetDelta }) => Number(firstOffset) + offsetDelta >= offset);
      if (record) {
        return Number(firstTimestamp + record.timestampDelta);
      }
    }
    return undefined;
  }
}
