import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { asKafkaError, type KafkaError } from '../../kafka/kafka-error.js';
import { CODES } from '../../kafka/protocol-codes.js';
import type { CommittedOffset, Coordinator, Membership } from './coordinator.js';
import { GroupEntry } from './group-entry.js';
import { LastingProblem } from './lasting-problem.js';
import type { TopicView } from './topic-view.js';

/** So many fit into a session: a few may be lost. */
const HEARTBEATS = 10;
/** After a failure; the session continues meanwhile. */
const RETRY_MS = 500;
/** New partitions are found after this time. */
const METADATA_MS = 5000;
/** How long the others of the group are kept waiting for what is in hand. */
const SETTLE_MS = 3000;

/** The member is not in the group at the moment, or not with what it had: it joins again by itself. */
export class RejoinError extends Error {
  override readonly name = 'RejoinError';
}

/** What a member does for its group. */
export interface Owner {
  /** At the moment. */
  readonly partitions: readonly number[];
  /** Hands out nothing more. Resolves when nothing is in hand, or when the time is over. */
  settle(timeMs: number): Promise<void>;
  /**
   * From now on these partitions, and no others.
   * @param committed by partition, as the group has it
   * @param commit for partitions that the group has no offset of
   */
  assigned(
    partitions: readonly number[],
    committed: ReadonlyMap<number, CommittedOffset>,
    commit: (offsets: ReadonlyMap<number, CommittedOffset>) => Promise<void>,
  ): Promise<void>;
  /** The group continues without this member: others may have all that it had. */
  expelled(): void;
}

type Rejoin = 'settled' | 'at once';

/**
 * Takes part in a consumer group by the classic protocol, as a static member: when it comes back within the session it
 * has the same partitions, and nobody else notices. It never leaves the group by itself.
 */
export class GroupMember {
  private membership: Membership | undefined;
  private readonly entry: GroupEntry;
  private stability = Promise.withResolvers<void>();
  /** Ends a pause between heartbeats. */
  private wake = new AbortController();
  private rejoin: Rejoin | undefined;
  private heardAt = -Infinity;
  private readonly trouble = new LastingProblem();
  private isFenced = false;
  private isOver = false;
  private running: Promise<void> | undefined;
  private readonly logger: Logger;

  constructor(
    private readonly coordinator: Coordinator,
    private readonly topic: TopicView,
    private readonly owner: Owner,
    private readonly sessionMs: number,
    sink: string,
  ) {
    this.entry = new GroupEntry(coordinator, topic);
    this.logger = new Logger(`Queue ${sink}`);
  }

  /** Why it cannot take part, when that lasts. */
  get problem(): string | undefined {
    return this.isFenced ? FENCED : this.trouble.reason;
  }

  /** Whether the group is sure to count on this member still. */
  get isCurrent(): boolean {
    return this.membership !== undefined && performance.now() - this.heardAt < this.sessionMs;
  }

  get isStable(): boolean {
    return this.membership !== undefined;
  }

  /** How many the topic has, as the group knows it. */
  get partitionCount(): number {
    return this.entry.partitionCount;
  }

  start(): void {
    this.running = this.run();
  }

  /** Resolves once it is in the group; rejects with a problem, or when it is closed. */
  async stable(): Promise<void> {
    while (!this.membership) {
      await this.stability.promise;
    }
  }

  /** Stores offsets of owned partitions. @throws RejoinError @throws KafkaError */
  async commit(offsets: ReadonlyMap<number, CommittedOffset>): Promise<void> {
    const { membership } = this;
    if (!membership) {
      throw new RejoinError('the member is joining its group');
    }
    try {
      const askedAt = performance.now();
      await this.coordinator.commit(membership, this.topic.name, offsets);
      this.heard(askedAt);
    } catch (error) {
      if (this.isTurnedAway(asKafkaError(error), membership)) {
        throw new RejoinError((error as Error).message, { cause: error });
      }
      throw error;
    }
  }

  async close(): Promise<void> {
    this.isOver = true;
    this.wake.abort();
    this.release(new Error('the queue is closed'));
    await this.running;
  }

  private async run(): Promise<void> {
    let attempts = 0;
    while (!this.isOver) {
      try {
        await this.join();
        attempts = 0;
        await this.stay();
        const rejoin = this.rejoin;
        this.rejoin = undefined;
        if (rejoin === 'settled' && !this.isOver) {
          await this.owner.settle(SETTLE_MS);
        }
        this.membership = undefined;
      } catch (error) {
        if (this.isOver) {
          return;
        }
        attempts += 1;
        this.failed(error);
        await this.pause(Math.min(RETRY_MS * 4, 100 * 2 ** attempts));
      }
    }
  }

  private async join(): Promise<void> {
    this.membership = undefined;
    this.rejoin = undefined;
    const { membership, partitions, committed, enteredAt } = await this.entry.enter(
      this.owner.partitions,
    );
    await this.owner.assigned(partitions, committed, (offsets) =>
      this.coordinator.commit(membership, this.topic.name, offsets),
    );
    this.membership = membership;
    this.heard(enteredAt);
    this.release();
    await this.watchPartitions();
  }

  /** Until it has to join again. */
  private async stay(): Promise<void> {
    let metadataAt = performance.now();
    while (!this.rejoin && !this.isOver) {
      await this.pause(this.trouble.isFailing ? RETRY_MS : this.sessionMs / HEARTBEATS);
      if (this.rejoin || this.isOver) {
        return;
      }
      await this.beat();
      if (performance.now() - metadataAt >= METADATA_MS) {
        metadataAt = performance.now();
        // The reading of the topic meets the same failure, and reports it.
        await this.topic.refresh().catch(() => undefined);
        await this.watchPartitions();
      }
    }
  }

  private async beat(): Promise<void> {
    const { membership } = this;
    if (!membership) {
      return;
    }
    const askedAt = performance.now();
    try {
      await this.coordinator.heartbeat(membership);
      this.heard(askedAt);
    } catch (error) {
      const failure = asKafkaError(error);
      if (failure.code === CODES.rebalanceInProgress) {
        this.rejoinSoon('settled');
      } else if (!this.isTurnedAway(failure, membership)) {
        this.failed(failure);
      }
    }
  }

  private async watchPartitions(): Promise<void> {
    if (await this.entry.isOutdated()) {
      this.rejoinSoon('settled');
    }
  }

  /** The coordinator's answer says that this member has to join again. */
  private isTurnedAway({ code }: KafkaError, membership: Membership): boolean {
    if (membership !== this.membership) {
      return true;
    }
    switch (code) {
      case CODES.rebalanceInProgress:
      case CODES.illegalGeneration:
        this.rejoinSoon('at once');
        return true;
      case CODES.unknownMemberId:
        this.entry.forgotten();
        this.owner.expelled();
        this.rejoinSoon('at once');
        return true;
      case CODES.fencedInstanceId:
        this.fenced();
        return true;
      case undefined:
      default:
        return false;
    }
  }

  private rejoinSoon(rejoin: Rejoin): void {
    if (rejoin === 'at once') {
      this.membership = undefined;
    }
    this.rejoin ??= rejoin;
    this.wake.abort();
  }

  /** Joining again would turn the other one out, and so on. */
  private fenced(): void {
    this.isOver = true;
    this.membership = undefined;
    this.owner.expelled();
    this.isFenced = true;
    this.logger.error(FENCED);
    this.release(new Error(FENCED));
    this.wake.abort();
  }

  private heard(askedAt: number): void {
    this.heardAt = Math.max(this.heardAt, askedAt);
    this.trouble.over();
  }

  private failed(error: unknown): void {
    const failure = asKafkaError(error);
    switch (failure.code) {
      case CODES.fencedInstanceId:
        this.fenced();
        return;
      case CODES.unknownMemberId:
        this.entry.forgotten();
        return;
      case CODES.rebalanceInProgress:
      case CODES.illegalGeneration:
        return;
      case undefined:
      default:
    }
    this.trouble.failed(failure);
    if (this.trouble.reason !== undefined) {
      this.release(new Error(this.trouble.reason));
    }
  }

  /** Ends the waiting for membership. */
  private release(error?: Error): void {
    const { promise, resolve, reject } = this.stability;
    this.stability = Promise.withResolvers();
    if (error) {
      promise.catch(() => undefined);
      reject(error);
    } else {
      resolve();
    }
  }

  private async pause(ms: number): Promise<void> {
    this.wake = new AbortController();
    await sleep(ms, undefined, { signal: this.wake.signal }).catch(() => undefined);
  }
}

const FENCED =
  'another instance has taken part under the same INSTANCE_ID; give each instance its own, and start this one again';
