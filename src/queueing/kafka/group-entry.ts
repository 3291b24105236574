import { Assignment } from './assignment.js';
import type { CommittedOffset, Coordinator, Membership } from './coordinator.js';
import type { TopicView } from './topic-view.js';

export interface Entry {
  readonly membership: Membership;
  /** This member's own. */
  readonly partitions: readonly number[];
  /** By partition, as the group has it. */
  readonly committed: ReadonlyMap<number, CommittedOffset>;
  /** Since when the group counts on this member, by `performance.now()`. */
  readonly enteredAt: number;
}

/** One member's way into its group, as often as it has to take it. */
export class GroupEntry {
  private readonly assignment: Assignment;
  /** Empty while the group does not know the member. */
  private memberId = '';

  constructor(
    private readonly coordinator: Coordinator,
    private readonly topic: TopicView,
  ) {
    this.assignment = new Assignment(topic.name);
  }

  /** How many the topic has, as the group knows it. */
  get partitionCount(): number {
    return this.assignment.partitionCount;
  }

  /** Resolves when all members have joined and each has its partitions. @throws KafkaError */
  async enter(owned: readonly number[]): Promise<Entry> {
    const { partitions: known } = await this.topic.refresh();
    const subscription = this.assignment.subscribe(known.length, owned);
    const joined = await this.coordinator.join(this.memberId, subscription);
    this.memberId = joined.memberId;
    const enteredAt = performance.now();
    const shares = joined.members ? this.assignment.assign(joined.members) : new Map();
    const share = await this.coordinator.sync(joined, shares);
    const partitions = this.assignment.take(share, joined.generation);
    const committed = await this.coordinator.offsets(this.topic.name, partitions);
    return { membership: joined, partitions, committed, enteredAt };
  }

  /** The group does not know it any more. */
  forgotten(): void {
    this.memberId = '';
  }

  /**
   * The present assignment may be from before partitions were added, or of another topic.
   * @returns whether entering again leads to another one
   */
  async isOutdated(): Promise<boolean> {
    const { partitions } = await this.topic.current();
    const isOutdated = partitions.length > this.assignment.partitionCount;
    if (isOutdated) {
      this.assignment.revise();
    }
    return isOutdated;
  }
}
