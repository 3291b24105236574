import { Logger } from '@nestjs/common';
import type { Registry } from 'prom-client';
import { BucketCounts } from './bucket-counts.js';
import {
  type MetricSource,
  registerCollected,
  registerCollectedHistogram,
} from './collected-metric.js';
import { INSTRUMENTS, LEDGER_STATES } from './instruments.js';
import type { LaneStats, Ledger, QueueStats } from './pipeline-observer.js';

/** Longer than a healthy disk takes, shorter than a scraper waits (10 s unless it is configured otherwise). */
const STATS_TIMEOUT_MS = 5_000;

interface Stats {
  readonly queue: QueueStats;
  readonly lanes: readonly LaneStats[];
}

/** Commits of the queue, and its state and that of the lanes at each scrape. */
export class QueueTotals implements MetricSource {
  readonly commits = new BucketCounts(INSTRUMENTS.queueCommitDuration.buckets);
  commitErrors = 0;
  corruptRecords = 0;
  askQueue: () => Promise<QueueStats> = () => Promise.resolve(UNOPENED);
  askLanes: () => readonly LaneStats[];

  private readonly logger = new Logger('Metrics');
  private unanswered: Promise<Stats> | undefined;
  private queueAnswers = true;

  constructor(sinks: readonly string[]) {
    const lanes = sinks.map((sink) => ({ sink, ledger: NOTHING, oldestEventAgeSeconds: 0 }));
    this.askLanes = () => lanes;
  }

  registerOn(registry: Registry): void {
    const once = (value: (queue: QueueStats) => number) => async () => {
      const stats = await this.stats();
      return stats ? [[{}, value(stats.queue)] as const] : [];
    };
    const each = (value: (lane: LaneStats) => number) => async () => {
      const stats = await this.stats();
      return (stats?.lanes ?? []).map((lane) => [{ sink: lane.sink }, value(lane)] as const);
    };

    registerCollected(
      registry,
      INSTRUMENTS.queueDepth,
      each((lane) => lane.ledger.queued),
    );
    registerCollected(
      registry,
      INSTRUMENTS.queueOldestEventAge,
      each((lane) => lane.oldestEventAgeSeconds),
    );
    registerCollected(
      registry,
      INSTRUMENTS.queueBytes,
      once((queue) => queue.bytes),
    );
    registerCollected(
      registry,
      INSTRUMENTS.queueCapacity,
      once((queue) => queue.capacityBytes),
    );
    registerCollected(
      registry,
      INSTRUMENTS.queueFilesystemAvailable,
      once((queue) => queue.filesystemAvailableBytes),
    );
    registerCollected(registry, INSTRUMENTS.ledgerEvents, async () => {
      const stats = await this.stats();
      return (stats?.lanes ?? []).flatMap(({ sink, ledger }) =>
        LEDGER_STATES.flatMap((state) => {
          const events = inState(ledger, state);
          return events === undefined ? [] : [[{ sink, state }, events] as const];
        }),
      );
    });
    registerCollectedHistogram(registry, INSTRUMENTS.queueCommitDuration, () => [
      [{}, this.commits],
    ]);
    registerCollected(registry, INSTRUMENTS.queueCommitErrors, () => [[{}, this.commitErrors]]);
    registerCollected(registry, INSTRUMENTS.queueCorruptRecords, () => [[{}, this.corruptRecords]]);
  }

  /** `undefined` without an answer: its series are then absent. Takes a few seconds at most. */
  async stats(): Promise<Stats | undefined> {
    const timeout = Promise.withResolvers<undefined>();
    const timer = setTimeout(timeout.resolve, STATS_TIMEOUT_MS, undefined).unref();
    try {
      // One question for all metrics of a scrape; and on a hung disk each further one would hang a thread.
      this.unanswered ??= this.askQueue()
        .then((queue) => ({ queue, lanes: this.askLanes() }))
        .finally(() => {
          this.unanswered = undefined;
        });
      const stats = await Promise.race([this.unanswered, timeout.promise]);
      if (!stats) {
        throw new Error(`no answer within ${STATS_TIMEOUT_MS} ms`);
      }
      this.queueAnswers = true;
      return stats;
    } catch (error) {
      if (this.queueAnswers) {
        this.queueAnswers = false;
        this.logger.warn(
          `the queue does not answer how large it is; the series of its size and depth are left out until it does: ${String(error)}`,
        );
      }
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Shown until the queue is open. */
const UNOPENED: QueueStats = { bytes: 0, capacityBytes: 0, filesystemAvailableBytes: 0 };
const NOTHING: Ledger = {
  accepted: 0,
  delivered: 0,
  queued: 0,
  deadLettered: 0,
  purged: 0,
  corrupt: 0,
};

function inState(ledger: Ledger, state: (typeof LEDGER_STATES)[number]): number | undefined {
  return state === 'dead_lettered' ? ledger.deadLettered : ledger[state];
}
