import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from '../../kafka/cluster.js';
import type { KafkaConnectionOptions } from '../../kafka/kafka-connection.options.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import {
  type Account,
  type AccountChange,
  type Batch,
  type BatchBounds,
  BatchSource,
  type Progress,
} from '../event-queue.js';
import type { Advance } from './backlog.js';
import type { Beginning } from './beginnings.js';
import { Coordinator } from './coordinator.js';
import { GroupMember, RejoinError } from './group-member.js';
import { Holdings } from './holdings.js';
import {
  accountOf,
  changesOf,
  type OwnedPartition,
  progressOf,
  toCommit,
} from './owned-partition.js';
import { LastingProblem } from './lasting-problem.js';
import type { ReplayMarkFile } from './replay-mark-file.js';
import { type TopicIdentity, TopicView } from './topic-view.js';

/** Heartbeats and problems are looked at so often while nothing arrives. */
const LOOK_AGAIN_MS = 500;
const RETRY_MS = 200;
/** The others wait for this member so long, and a broker for its answer a little longer. */
const REBALANCE_MS = 10_000;
const JOIN_TIMEOUT_MS = REBALANCE_MS * 2;

export interface KafkaReaderOptions {
  readonly connection: KafkaConnectionOptions;
  readonly topic: TopicIdentity;
  readonly instanceId: string;
  readonly sessionMs: number;
  readonly group: string;
}

/** One sink's share of the topic: what its member of the group has, in the order in which it arrives. */
export class KafkaReader extends BatchSource {
  override readonly isShared = true;
  private readonly clusters: readonly Cluster[];
  private readonly holdings: Holdings;
  private readonly member: GroupMember;
  private readonly committing = new LastingProblem();
  private wake: (() => void) | undefined;
  private closed = false;

  constructor(
    readonly name: string,
    { connection, topic, instanceId, sessionMs, group }: KafkaReaderOptions,
    private readonly marks: ReplayMarkFile,
    observer: PipelineObserver,
    /** Why the topic is not ready. */
    private readonly preparing: LastingProblem,
  ) {
    super();
    const asking = new Cluster(connection);
    const joining = new Cluster(connection, JOIN_TIMEOUT_MS);
    // An answer to a fetch waits for records, and all that is asked after it waits with it.
    const fetching = new Cluster(connection);
    this.clusters = [asking, joining, fetching];
    const view = new TopicView(asking, topic);
    const times = { sessionMs, rebalanceMs: REBALANCE_MS };
    const coordinator = new Coordinator(asking, joining, group, instanceId, times);
    this.holdings = new Holdings(name, new TopicView(fetching, topic), view, observer, () =>
      this.wake?.(),
    );
    this.member = new GroupMember(coordinator, view, this.holdings, sessionMs, name);
  }

  /** Joins the group. */
  start(beginning: Beginning, recordBegun: () => Promise<void>): void {
    if (!this.closed) {
      this.holdings.begin(beginning, recordBegun);
      this.member.start();
    }
  }

  /** How many the topic has, and how many of them are this member's own. */
  get partitions(): { readonly all: number; readonly owned: number } {
    return { all: this.member.partitionCount, owned: this.holdings.all.size };
  }

  get owned(): readonly number[] {
    return this.holdings.partitions;
  }

  get depth(): number {
    const { accepted, settled } = this.progress;
    return accepted - settled;
  }

  get progress(): Progress {
    return progressOf(this.holdings.all);
  }

  get account(): Account {
    const { mark } = this.marks;
    return { ...accountOf(this.holdings.all), ...(mark && { replay: mark }) };
  }

  get oldestEventAgeSeconds(): number {
    const { oldestMs } = this.holdings.backlog;
    return this.depth === 0 || oldestMs === undefined
      ? 0
      : Math.max(0, Date.now() - oldestMs) / 1000;
  }

  async read(bounds: BatchBounds, signal: AbortSignal): Promise<Batch> {
    await this.untilWorthReading(bounds, signal);
    const { backlog, lost, fetcher } = this.holdings;
    const batch = backlog.take(bounds);
    fetcher.run();
    return { ...batch, lost };
  }

  /** As far as the queue is read ahead. */
  peek(position: number, bounds: BatchBounds): Promise<Batch> {
    return Promise.resolve(this.holdings.backlog.peek(position, bounds));
  }

  async commit(position: number, change: AccountChange): Promise<void> {
    const { lost, backlog } = this.holdings;
    await this.save(() => {
      lost.throwIfAborted();
      return backlog.advancesTo(position);
    }, change);
    lost.throwIfAborted();
    this.holdings.committed(position);
  }

  updateAccount(change: AccountChange): Promise<void> {
    return this.save(() => new Map(), change);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.holdings.close();
    const closing = this.member.close();
    for (const cluster of this.clusters) {
      cluster.close();
    }
    await closing;
    this.wake?.();
  }

  /** Again after each time that the group has shared out its partitions. */
  private async save(
    advances: () => ReadonlyMap<number, Advance>,
    change: AccountChange,
  ): Promise<void> {
    for (;;) {
      this.assertUsable();
      await this.untilMember();
      const { account } = this;
      const next = change(account);
      const changes = changesOf(this.holdings.all, advances(), {
        dead: next.deadLettered - account.deadLettered,
        purged: next.purged - account.purged,
      });
      const changed = new Map<number, OwnedPartition | undefined>(
        Array.from(changes, ([partition]) => [partition, this.holdings.all.get(partition)]),
      );
      try {
        if (changes.size > 0) {
          await this.member.commit(toCommit(changes));
        }
      } catch (error) {
        await this.waitAfter(error);
        continue;
      }
      this.committing.over();
      for (const [partition, owned] of changed) {
        // It may have gone, and may even have come back with what is committed now.
        if (owned && this.holdings.all.get(partition) === owned) {
          Object.assign(owned, changes.get(partition));
        }
      }
      await this.marks.save(next.replay);
      return;
    }
  }

  /** @throws the error, when it lasts: a coordinator that moves is away for a moment */
  private async waitAfter(error: unknown): Promise<void> {
    if (error instanceof RejoinError) {
      return;
    }
    this.committing.failed(error);
    if (this.committing.reason !== undefined) {
      throw error;
    }
    await sleep(RETRY_MS);
  }

  private get problem(): string | undefined {
    return this.preparing.reason ?? this.holdings.fetcher.problem ?? this.member.problem;
  }

  private get handsOut(): boolean {
    return !this.holdings.paused && this.member.isCurrent;
  }

  private assertUsable(): void {
    if (this.closed) {
      throw new Error('the queue is closed');
    }
    if (this.holdings.fetcher.isReplaced) {
      throw new Error(this.problem);
    }
  }

  /** @throws the problem, when it lasts */
  private async untilMember(): Promise<void> {
    const { problem } = this;
    if (problem !== undefined && !this.member.isCurrent) {
      throw new Error(problem);
    }
    if (!this.member.isStable) {
      await Promise.race([this.member.stable(), aborted(this.holdings.lost)]);
    }
  }

  private async untilWorthReading(bounds: BatchBounds, signal: AbortSignal): Promise<void> {
    let lingersUntil: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      this.assertUsable();
      const { backlog, roomBytes } = this.holdings;
      const canRead = backlog.hasUnread && this.handsOut;
      const isFull =
        backlog.unreadEvents >= bounds.maxEvents ||
        backlog.unreadBytes >= bounds.maxBytes ||
        roomBytes <= 0;
      lingersUntil = canRead ? (lingersUntil ?? performance.now() + bounds.lingerMs) : undefined;
      const lingersMs = (lingersUntil ?? Infinity) - performance.now();
      if (canRead && (isFull || lingersMs <= 0)) {
        return;
      }
      const { problem } = this;
      if (!canRead && problem !== undefined) {
        throw new Error(problem);
      }
      await this.woken(signal, Math.min(lingersMs, LOOK_AGAIN_MS));
    }
  }

  private woken(signal: AbortSignal, atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.wake = undefined;
        resolve();
      };
      const timer = setTimeout(wake, atMostMs);
      this.wake = wake;
      signal.addEventListener('abort', wake);
    });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
