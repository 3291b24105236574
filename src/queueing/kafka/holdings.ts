import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import { type Arrival, Backlog } from './backlog.js';
import type { Beginning } from './beginnings.js';
import type { CommittedOffset } from './coordinator.js';
import { type Destination, Fetcher } from './fetcher.js';
import type { Owner } from './group-member.js';
import {
  type OwnedPartition,
  type OwnedPartitions,
  partitionAt,
  toCommit,
} from './owned-partition.js';
import { offsetsAt } from './topic-calls.js';
import type { TopicView } from './topic-view.js';

/** So much is read ahead for one sink: an answer from each of a few brokers. What waits longer survives collections of young objects. */
const AHEAD_BYTES = 2 * 1024 * 1024;
/** The ends of partitions from which nothing is fetched are asked for so often. */
const ENDS_MS = 1000;

/** The partitions that one sink's member has, and what was read of them. */
export class Holdings implements Owner, Destination {
  readonly backlog = new Backlog();
  readonly fetcher: Fetcher;
  private readonly owned = new Map<number, OwnedPartition>();
  private hand = new AbortController();
  private isPaused = true;
  private beginning: Beginning | undefined;
  private hasBegun = false;
  private recordBegun: () => Promise<void> = () => Promise.resolve();
  private endsTimer: NodeJS.Timeout | undefined;
  private noneInHand = Promise.withResolvers<void>();
  private readonly logger: Logger;

  /** @param changed runs when there may be more to hand out */
  constructor(
    sink: string,
    topic: TopicView,
    /** For what is answered at once. */
    private readonly asking: TopicView,
    private readonly observer: PipelineObserver,
    private readonly changed: () => void,
  ) {
    this.fetcher = new Fetcher(topic, this, sink);
    this.logger = new Logger(`Queue ${sink}`);
  }

  /** Before the first assignment. */
  begin(beginning: Beginning, recordBegun: () => Promise<void>): void {
    this.beginning = beginning;
    this.hasBegun = beginning.hasBegun;
    this.recordBegun = recordBegun;
    this.endsTimer = setInterval(() => void this.askForEnds(), ENDS_MS).unref();
  }

  get all(): OwnedPartitions {
    return this.owned;
  }

  get partitions(): readonly number[] {
    return [...this.owned.keys()];
  }

  /** Aborts when what is handed out now is no longer this member's to deliver. */
  get lost(): AbortSignal {
    return this.hand.signal;
  }

  /** Nothing is handed out while the group shares its partitions out again. */
  get paused(): boolean {
    return this.isPaused;
  }

  get roomBytes(): number {
    return AHEAD_BYTES - this.backlog.unreadBytes;
  }

  arrived(arrival: Arrival): void {
    const missing = this.backlog.add(arrival);
    if (missing > 0) {
      this.observer.corruptRecordsFound(missing);
    }
    this.ended(arrival.partition, arrival.offset + arrival.length);
    this.changed();
  }

  ended(partition: number, end: number): void {
    const owned = this.owned.get(partition);
    if (owned) {
      owned.end = Math.max(owned.end, end);
    }
  }

  /** Everything before the position is settled, and the group has it. */
  committed(position: number): void {
    this.backlog.committed(position);
    if (this.backlog.inHand.size === 0) {
      this.noneInHand.resolve();
      this.noneInHand = Promise.withResolvers();
    }
  }

  async settle(timeMs: number): Promise<void> {
    this.isPaused = true;
    if (this.backlog.inHand.size > 0) {
      const over = new AbortController();
      const { signal } = over;
      const timer = sleep(timeMs, undefined, { signal }).catch(() => undefined);
      await Promise.race([this.noneInHand.promise, timer]);
      over.abort();
    }
  }

  async assigned(
    partitions: readonly number[],
    committed: ReadonlyMap<number, CommittedOffset>,
    commit: (offsets: ReadonlyMap<number, CommittedOffset>) => Promise<void>,
  ): Promise<void> {
    const own = new Set(partitions);
    const lost = [...this.owned].filter(
      ([partition, { committed: offset }]) =>
        !own.has(partition) || committed.get(partition)?.offset !== offset,
    );
    this.takeAway(new Set(lost.map(([partition]) => partition)));
    const fresh = partitions.filter((partition) => !this.owned.has(partition));
    const found = await this.begun(fresh, committed, commit);
    const topic = await this.asking.current();
    const ends = await offsetsAt(this.asking.cluster, this.asking.name, topic, fresh, 'latest');
    const offsets = [...found.values()].map((partition) => partition.committed);
    this.backlog.beginAt(offsets.reduce((total, offset) => total + offset, 0));
    for (const [partition, owned] of found) {
      owned.end = Math.max(owned.end, ends.get(partition) ?? 0);
      this.owned.set(partition, owned);
      this.fetcher.begin(partition, owned.committed);
    }
    this.isPaused = false;
    this.fetcher.run();
    this.changed();
  }

  expelled(): void {
    this.isPaused = true;
    this.takeAway(new Set(this.owned.keys()));
  }

  close(): void {
    clearInterval(this.endsTimer);
    this.isPaused = true;
    this.fetcher.close();
  }

  /** Where each of them stands; those without an offset begin, and their beginning is committed. */
  private async begun(
    partitions: readonly number[],
    committed: ReadonlyMap<number, CommittedOffset>,
    commit: (offsets: ReadonlyMap<number, CommittedOffset>) => Promise<void>,
  ): Promise<ReadonlyMap<number, OwnedPartition>> {
    const topicId = this.beginning?.topicId ?? '';
    const found = new Map<number, OwnedPartition>();
    const begun = new Map<number, OwnedPartition>();
    for (const partition of partitions) {
      const start = this.beginning?.offsets.get(partition) ?? 0;
      const { isNew, ...owned } = partitionAt(topicId, start, committed.get(partition));
      (isNew ? begun : found).set(partition, owned);
    }
    if (begun.size > 0) {
      await this.beginFirst(begun);
      await commit(toCommit(begun));
      this.hasBegun = true;
    }
    return new Map([...found, ...begun]);
  }

  /** Partitions that the group has no offset of: it never had one, or has lost it. */
  private async beginFirst(begun: OwnedPartitions): Promise<void> {
    const lost = [...begun.keys()].filter((partition) => this.beginning?.offsets.has(partition));
    if (!this.hasBegun) {
      await this.recordBegun();
    } else if (lost.length > 0) {
      this.logger.warn(
        `its consumer group has no committed offset of partition(s) ${lost.join(', ')} any more; they may have expired. ` +
          "Begins at the sink's recorded beginning, or at the earliest record that is there",
      );
    }
  }

  private takeAway(partitions: ReadonlySet<number>): void {
    const isInHand = [...this.backlog.inHand].some((partition) => partitions.has(partition));
    for (const partition of partitions) {
      this.owned.delete(partition);
      this.fetcher.end(partition);
    }
    if (!isInHand) {
      this.backlog.drop(partitions);
      return;
    }
    this.backlog.reset();
    for (const [partition, { committed }] of this.owned) {
      this.fetcher.begin(partition, committed);
    }
    this.hand.abort(new Error('other members of the group have what was read'));
    this.hand = new AbortController();
    this.noneInHand.resolve();
    this.noneInHand = Promise.withResolvers();
  }

  /** While there is no room, nothing is fetched, and the backlog grows unseen. */
  private async askForEnds(): Promise<void> {
    if (this.roomBytes > 0 || this.owned.size === 0) {
      return;
    }
    const { cluster, name } = this.asking;
    const topic = await this.asking.current().catch(() => undefined);
    const ends = topic && (await offsetsAt(cluster, name, topic, this.partitions, 'latest'));
    for (const [partition, end] of ends ?? []) {
      this.ended(partition, end);
    }
  }
}
