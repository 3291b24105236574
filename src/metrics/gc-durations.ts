import { constants, PerformanceObserver } from 'node:perf_hooks';
import type { Registry } from 'prom-client';
import { BucketCounts } from './bucket-counts.js';
import { INSTRUMENTS } from './instruments.js';
import { type MetricSource, registerCollectedHistogram } from './collected-metric.js';

const KINDS = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

/** How long each garbage collection took, by kind. */
export class GcDurations implements MetricSource {
  private readonly byKind = new Map(
    Array.from(KINDS.values(), (kind) => [kind, new BucketCounts(INSTRUMENTS.gcDuration.buckets)]),
  );
  private readonly observer = new PerformanceObserver((list) => {
    // Several collections come in one callback.
    for (const entry of list.getEntries()) {
      this.byKind.get(kindOf(entry))?.observe(entry.duration / 1000);
    }
  });

  start(): void {
    this.observer.observe({ entryTypes: ['gc'] });
  }

  stop(): void {
    this.observer.disconnect();
  }

  registerOn(registry: Registry): void {
    registerCollectedHistogram(registry, INSTRUMENTS.gcDuration, () =>
      Array.from(this.byKind, ([kind, durations]) => [{ kind }, durations] as const),
    );
  }
}

function kindOf(entry: object): string {
  const { detail } = entry as { detail: { kind: number } };
  return KINDS.get(detail.kind) ?? '';
}
