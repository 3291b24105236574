import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { RecordsBatch } from '@platformatic/kafka';
import type { Partition } from '../../kafka/cluster.js';
import { codeError } from '../../kafka/kafka-error.js';
import { CODES } from '../../kafka/protocol-codes.js';
import type { Arrival } from './backlog.js';
import { LastingProblem } from './lasting-problem.js';
import { type FetchBounds, type Fetched, fetchRecords, offsetsAt } from './topic-calls.js';
import type { TopicView } from './topic-view.js';

/** One answer has no more: its records are taken apart at once. */
const ANSWER_BYTES = 512 * 1024;
/** Limits of one request: a broker waits so long before it answers that there is nothing. */
export const FETCH_BOUNDS: FetchBounds = {
  waitMs: 500,
  maxBytes: ANSWER_BYTES,
  maxPartitionBytes: ANSWER_BYTES,
};
const RETRY_MS = 200;
const LONGEST_RETRY_MS = 3000;
/** Bit of a batch's attributes: it marks a transaction, and holds no event. */
const IS_CONTROL = 0b10_0000;

interface Target {
  readonly partition: number;
  /** The next one to fetch. */
  offset: number;
  /** Counts up: those that have waited longest come first. */
  servedAt: number;
}

export interface Destination {
  /** How many more bytes may come. */
  readonly roomBytes: number;
  arrived(arrival: Arrival): void;
  /** Offset after the last record of the partition. */
  ended(partition: number, end: number): void;
}

/**
 * Reads ahead from all partitions that it is given: one request to each of their leaders is under way as long as there is
 * room. Finds the leaders again when they move.
 */
export class Fetcher {
  private readonly targets = new Map<number, Target>();
  /** Leaders that are asked at the moment, and those that have failed since the topic was looked at. */
  private readonly busy = new Set<number>();
  private readonly resting = new Set<number>();
  /** Partition → what is wrong with its log. */
  private readonly faults = new Map<number, string>();
  private reservedBytes = 0;
  private served = 0;
  private refreshing: Promise<void> | undefined;
  private failures = 0;
  private readonly trouble = new LastingProblem();
  private readonly stopping = new AbortController();
  private readonly logger: Logger;

  constructor(
    private readonly topic: TopicView,
    private readonly destination: Destination,
    sink: string,
  ) {
    this.logger = new Logger(`Queue ${sink}`);
  }

  /** Why nothing arrives, when that lasts. */
  get problem(): string | undefined {
    return this.topic.problem ?? [...this.faults.values()][0] ?? this.trouble.reason;
  }

  /** Another topic has the place of the one that is read: nothing more is to be committed. */
  get isReplaced(): boolean {
    return this.topic.problem !== undefined;
  }

  /** From the offset on; replaces what was read of the partition before. */
  begin(partition: number, offset: number): void {
    this.targets.set(partition, { partition, offset, servedAt: this.served });
  }

  end(partition: number): void {
    this.targets.delete(partition);
    this.faults.delete(partition);
  }

  /** There may be room again, or something else to read. */
  run(): void {
    if (!this.stopping.signal.aborted && this.targets.size > 0) {
      this.topic.current().then(
        ({ partitions }) => this.askLeaders(partitions),
        (error: unknown) => this.failed(error),
      );
    }
  }

  close(): void {
    this.stopping.abort();
  }

  private askLeaders(partitions: readonly Partition[]): void {
    const byLeader = Map.groupBy(
      [...this.targets.values()].toSorted((a, b) => a.servedAt - b.servedAt),
      ({ partition }) => partitions[partition]?.leader,
    );
    for (const [leader, targets] of byLeader) {
      if (leader === undefined) {
        this.failed(codeError(CODES.leaderNotAvailable));
      } else if (!this.busy.has(leader) && !this.resting.has(leader) && this.roomBytes > 0) {
        void this.fetch(leader, targets);
      }
    }
  }

  private get roomBytes(): number {
    return this.destination.roomBytes - this.reservedBytes;
  }

  private async fetch(leader: number, targets: readonly Target[]): Promise<void> {
    this.busy.add(leader);
    const maxBytes = Math.min(FETCH_BOUNDS.maxBytes, this.roomBytes);
    this.reservedBytes += maxBytes;
    try {
      const { id } = await this.topic.current();
      const asked = targets.map((target) => ({ target, ...target }));
      const bounds = { ...FETCH_BOUNDS, maxBytes };
      const answers = await fetchRecords(this.topic.cluster, leader, id, asked, bounds);
      const failures = await Promise.all(
        answers.map(async (answer) => {
          const { target, offset } =
            asked.find(({ partition }) => partition === answer.partition) ?? {};
          // It may have been taken away, or begun elsewhere, in the meantime.
          const isWanted =
            target && this.targets.get(target.partition) === target && target.offset === offset;
          return isWanted ? this.take(target, answer) : undefined;
        }),
      );
      const failure = failures.find((one) => one !== undefined);
      if (failure) {
        throw failure;
      }
      this.succeeded();
    } catch (error) {
      this.resting.add(leader);
      this.failed(error);
    } finally {
      this.busy.delete(leader);
      this.reservedBytes -= maxBytes;
      this.run();
    }
  }

  private async take(target: Target, answer: Fetched): Promise<Error | undefined> {
    const { errorCode, end, batches } = answer;
    if (errorCode === CODES.offsetOutOfRange) {
      return this.findAgain(target);
    }
    if (errorCode !== CODES.none) {
      return codeError(errorCode);
    }
    this.faults.delete(target.partition);
    for (const batch of batches) {
      this.arrived(target, batch);
    }
    this.destination.ended(target.partition, end);
    return undefined;
  }

  private arrived(target: Target, batch: RecordsBatch): void {
    const { partition, offset } = target;
    const first = Number(batch.firstOffset);
    const end = first + batch.lastOffsetDelta + 1;
    if (end <= offset) {
      return;
    }
    if (first > offset) {
      this.gap(target, 'gap', first);
    }
    const start = Math.max(first, offset);
    const events = Array.from<Buffer | undefined>({ length: end - start });
    for (const { offsetDelta, value } of recordsOf(batch)) {
      const distance = first + offsetDelta - start;
      if (distance >= 0 && value && value.length > 0) {
        events[distance] = value;
      }
    }
    target.offset = end;
    target.servedAt = this.served += 1;
    const timestampMs = Number(batch.firstTimestamp);
    this.destination.arrived({
      partition,
      offset: start,
      length: end - start,
      events,
      kind: 'records',
      timestampMs,
    });
  }

  private gap(target: Target, kind: 'gap' | 'expired', to: number): void {
    const { partition, offset } = target;
    target.offset = to;
    this.destination.arrived({
      partition,
      offset,
      length: to - offset,
      events: [],
      kind,
      timestampMs: undefined,
    });
  }

  /** Retention has overtaken the offset, or the log is shorter than it was. */
  private async findAgain(target: Target): Promise<Error | undefined> {
    const { partition, offset } = target;
    const topic = await this.topic.refresh();
    const { cluster, name } = this.topic;
    const ends = await Promise.all(
      (['earliest', 'latest'] as const).map((end) =>
        offsetsAt(cluster, name, topic, [partition], end),
      ),
    );
    const [earliest, latest] = ends.map((found) => found.get(partition));
    if (earliest === undefined || latest === undefined) {
      return codeError(CODES.leaderNotAvailable);
    }
    if (this.targets.get(partition) !== target || target.offset !== offset) {
      return undefined;
    }
    if (offset < earliest) {
      this.logger.error(
        `${earliest - offset} event(s) of partition ${partition} have expired: retention has deleted them before they were delivered`,
      );
      this.gap(target, 'expired', earliest);
    } else if (offset > latest) {
      // New records will take the offsets that are gone: reading on then would skip some of them.
      this.targets.delete(partition);
      this.faults.set(
        partition,
        `partition ${partition} of ${name} ends at offset ${latest}, and ${offset} was read before: its log was cut. Stop all readers, set the group's offset by hand, and start them`,
      );
    }
    return undefined;
  }

  private succeeded(): void {
    this.failures = 0;
    this.trouble.over();
  }

  private failed(error: unknown): void {
    this.failures += 1;
    this.trouble.failed(error);
    this.refreshing ??= this.refresh().finally(() => {
      this.refreshing = undefined;
    });
  }

  /** Looks at the topic again, until that succeeds: leaders have moved. Others are read meanwhile. */
  private async refresh(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const pauseMs = Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** Math.min(this.failures, 4));
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      try {
        await this.topic.refresh();
        break;
      } catch (error) {
        this.failures += 1;
        this.trouble.failed(error);
      }
    }
    this.resting.clear();
    setImmediate(() => this.run());
  }
}

function recordsOf({ attributes, records }: RecordsBatch): RecordsBatch['records'] {
  return (attributes & IS_CONTROL) === 0 ? records : [];
}
