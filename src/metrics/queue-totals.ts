import type { Registry } from 'prom-client';
import { BoundedAnswer } from './bounded-answer.js';
import { BucketCounts } from './bucket-counts.js';
import {
  type MetricSource,
  registerCollected,
  registerCollectedHistogram,
} from './collected-metric.js';
import { INSTRUMENTS } from './instruments.js';
import { ledgerSamples } from './ledger-samples.js';
import type { LaneStats, Ledger, QueueStats } from './pipeline-observer.js';

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

  private readonly answer = new BoundedAnswer<Stats>(
    async () => ({ queue: await this.askQueue(), lanes: this.askLanes() }),
    'the queue does not answer how large it is; the series of its size and depth are left out until it does',
  );

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
      return (stats?.lanes ?? []).flatMap(ledgerSamples);
    });
    registerCollectedHistogram(registry, INSTRUMENTS.queueCommitDuration, () => [
      [{}, this.commits],
    ]);
    registerCollected(registry, INSTRUMENTS.queueCommitErrors, () => [[{}, this.commitErrors]]);
    registerCollected(registry, INSTRUMENTS.queueCorruptRecords, () => [[{}, this.corruptRecords]]);
  }

  /** `undefined` without an answer: its series are then absent. Takes a few seconds at most. */
  stats(): Promise<Stats | undefined> {
    return this.answer.get();
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
