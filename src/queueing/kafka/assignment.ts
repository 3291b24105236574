import { randomInt } from 'node:crypto';
import {
  decodeConsumerProtocolAssignment,
  decodeConsumerProtocolSubscription,
  encodeConsumerProtocolAssignment,
  encodeConsumerProtocolSubscription,
} from '@platformatic/kafka';
import { assignPartitions } from './assign-partitions.js';

const NO_GENERATION = -1;
const MAX_REVISION = 2 ** 31;
/** The first one that carries the generation. */
const SUBSCRIPTION_VERSION = 2;
const ASSIGNMENT_VERSION = 1;

export interface Joiner {
  readonly id: string;
  readonly key: string;
  readonly subscription: Buffer;
}

/** How members tell each other what they have, and how many partitions they know of. */
export class Assignment {
  private count = 0;
  private generation = NO_GENERATION;
  private revision = randomInt(MAX_REVISION);

  constructor(private readonly topic: string) {}

  /** How many partitions the present assignment covers. */
  get partitionCount(): number {
    return this.count;
  }

  /**
   * The group assigns again when a member's subscription is another than before.
   * @param known how many partitions there are
   */
  subscribe(known: number, owned: readonly number[]): Buffer {
    return encodeConsumerProtocolSubscription({
      version: SUBSCRIPTION_VERSION,
      topics: [this.topic],
      userData: encodeCount(known, this.revision),
      ownedPartitions: [{ topic: this.topic, partitions: [...owned] }],
      generationId: owned.length === 0 ? NO_GENERATION : this.generation,
    });
  }

  /** Makes the next subscription another one than before. */
  revise(): void {
    this.revision = (this.revision + 1) % MAX_REVISION;
  }

  /** By the member that assigns. Brokers do not learn of a new partition at the same moment. */
  assign(joiners: readonly Joiner[]): ReadonlyMap<string, Buffer> {
    const described = joiners.map(({ id, key, subscription }) => {
      const { userData, ownedPartitions, generationId } =
        decodeConsumerProtocolSubscription(subscription);
      const owned = ownedPartitions
        .filter(({ topic }) => topic === this.topic)
        .flatMap(({ partitions }) => partitions);
      return { id, key, owned, generation: generationId, known: decodeCount(userData) };
    });
    const count = Math.max(...described.map(({ known }) => known));
    return new Map(
      Array.from(assignPartitions(count, described), ([id, partitions]) => [
        id,
        encodeConsumerProtocolAssignment({
          version: ASSIGNMENT_VERSION,
          assignedPartitions: [{ topic: this.topic, partitions: [...partitions] }],
          userData: encodeCount(count),
        }),
      ]),
    );
  }

  /** @returns the partitions that are this member's own from now on */
  take(assignment: Buffer, generation: number): readonly number[] {
    const { assignedPartitions, userData } = decodeConsumerProtocolAssignment(assignment);
    this.count = decodeCount(userData);
    this.generation = generation;
    return assignedPartitions
      .filter(({ topic }) => topic === this.topic)
      .flatMap(({ partitions }) => partitions);
  }
}

function encodeCount(count: number, revision = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32BE(count);
  bytes.writeInt32BE(revision, 4);
  return bytes;
}

function decodeCount(bytes: Buffer | null): number {
  return bytes && bytes.length >= 4 ? bytes.readInt32BE() : 0;
}
