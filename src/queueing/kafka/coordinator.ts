import {
  heartbeatV4,
  joinGroupV9,
  offsetCommitV8,
  offsetFetchV8,
  syncGroupV5,
  type Connection,
} from '@platformatic/kafka';
import type { Cluster } from '../../kafka/cluster.js';
import { asKafkaError } from '../../kafka/kafka-error.js';
import { CODES, COORDINATOR_CODES } from '../../kafka/protocol-codes.js';

/** The last one: the cluster does not know the broker any more. */
const MOVED_CODES = new Set([...COORDINATOR_CODES, CODES.leaderNotAvailable]);
const PROTOCOL_TYPE = 'consumer';
/** Every member of a group has to offer the same one. */
const PROTOCOL = 'gotrack';

/** A member in one assignment of the group. */
export interface Membership {
  readonly memberId: string;
  readonly generation: number;
}

export interface Joined extends Membership {
  /** Undefined unless it is for this member to assign the partitions. */
  readonly members:
    | readonly { readonly id: string; readonly key: string; readonly subscription: Buffer }[]
    | undefined;
}

export interface CommittedOffset {
  readonly offset: number;
  readonly metadata: string | null;
}

export interface GroupTimes {
  /** A member that is not heard of for so long is taken for dead. */
  readonly sessionMs: number;
  /** How long the others wait for a member that has to join again. */
  readonly rebalanceMs: number;
}

/** What one member asks of the broker that keeps its group. Each method rejects with a `KafkaError`. */
export class Coordinator {
  private readonly brokers = new Map<Cluster, number>();

  /**
   * @param asking for what is answered at once
   * @param joining for what waits for others: a connection answers one request after the other
   */
  constructor(
    private readonly asking: Cluster,
    private readonly joining: Cluster,
    readonly group: string,
    private readonly instanceId: string,
    private readonly times: GroupTimes,
  ) {}

  /** Resolves once all members have joined. @param memberId empty for one that the group does not know */
  async join(memberId: string, subscription: Buffer): Promise<Joined> {
    const { sessionMs, rebalanceMs } = this.times;
    const answer = await this.on(this.joining, (connection) =>
      joinGroupV9.api.async(
        connection,
        this.group,
        sessionMs,
        rebalanceMs,
        memberId,
        this.instanceId,
        PROTOCOL_TYPE,
        [{ name: PROTOCOL, metadata: subscription }],
        null,
      ),
    );
    const assigns = answer.leader === answer.memberId && !answer.skipAssignment;
    return {
      memberId: answer.memberId,
      generation: answer.generationId,
      members: assigns
        ? (answer.members ?? []).map(({ memberId: id, groupInstanceId, metadata }) => ({
            id,
            key: groupInstanceId ?? id,
            subscription: metadata ?? Buffer.alloc(0),
          }))
        : undefined,
    };
  }

  /** @param assignments from the member that assigns; the others get theirs */
  async sync(
    { memberId, generation }: Membership,
    assignments: ReadonlyMap<string, Buffer>,
  ): Promise<Buffer> {
    const { assignment } = await this.on(this.joining, (connection) =>
      syncGroupV5.api.async(
        connection,
        this.group,
        generation,
        memberId,
        this.instanceId,
        PROTOCOL_TYPE,
        PROTOCOL,
        Array.from(assignments, ([id, own]) => ({ memberId: id, assignment: own })),
      ),
    );
    return assignment;
  }

  async heartbeat({ memberId, generation }: Membership): Promise<void> {
    await this.on(this.asking, (connection) =>
      heartbeatV4.api.async(connection, this.group, generation, memberId, this.instanceId),
    );
  }

  /** All or none. @param offsets by partition */
  async commit(
    { memberId, generation }: Membership,
    topic: string,
    offsets: ReadonlyMap<number, CommittedOffset>,
  ): Promise<void> {
    const partitions = Array.from(offsets, ([partitionIndex, { offset, metadata }]) => ({
      partitionIndex,
      committedOffset: BigInt(offset),
      committedLeaderEpoch: -1,
      committedMetadata: metadata,
    }));
    await this.on(this.asking, (connection) =>
      offsetCommitV8.api.async(connection, this.group, generation, memberId, this.instanceId, [
        { name: topic, partitions },
      ]),
    );
  }

  /** @returns by partition; those without a committed offset are left out */
  async offsets(
    topic: string,
    partitionIndexes: readonly number[],
  ): Promise<ReadonlyMap<number, CommittedOffset>> {
    const wanted = {
      groupId: this.group,
      topics: [{ name: topic, partitionIndexes: [...partitionIndexes] }],
    };
    const { groups } = await this.on(this.asking, (connection) =>
      offsetFetchV8.api.async(connection, [{ ...wanted, memberId: null, memberEpoch: -1 }], true),
    );
    const partitions = groups[0]?.topics.flatMap((one) => one.partitions) ?? [];
    return new Map(
      partitions
        .filter(({ committedOffset }) => committedOffset >= 0n)
        .map(({ partitionIndex, committedOffset, metadata }) => [
          partitionIndex,
          { offset: Number(committedOffset), metadata: metadata ?? null },
        ]),
    );
  }

  private async on<T>(cluster: Cluster, work: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      const broker = this.brokers.get(cluster) ?? (await cluster.coordinator(this.group));
      this.brokers.set(cluster, broker);
      return await cluster.onBroker(broker, work);
    } catch (error) {
      const failure = asKafkaError(error);
      if (failure.code === undefined || MOVED_CODES.has(failure.code)) {
        this.brokers.delete(cluster);
      }
      throw failure;
    }
  }
}
