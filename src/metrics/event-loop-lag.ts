import type { Registry } from 'prom-client';
import { BucketCounts } from './bucket-counts.js';
import { INSTRUMENTS } from './instruments.js';
import {
  type MetricSource,
  registerCollected,
  registerCollectedHistogram,
} from './collected-metric.js';

const SAMPLE_EVERY_MS = 20;
/** At least 10 s. A window by number needs no clock, and no scrape ends it. */
const WINDOW_SAMPLES = 500;

/** How late timers fire because the event loop was busy. Any number of scrapers may read it. */
export class EventLoopLag implements MetricSource {
  private readonly lags = new BucketCounts(INSTRUMENTS.eventLoopLag.buckets);
  private readonly latest = new Float64Array(WINDOW_SAMPLES);
  private samples = 0;
  private timer: NodeJS.Timeout | undefined;

  start(): void {
    let last = performance.now();
    this.timer = setInterval(() => {
      const now = performance.now();
      this.sample((now - last - SAMPLE_EVERY_MS) / 1000);
      last = now;
    }, SAMPLE_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** @param seconds after its time; a timer that fires early after a late one is not late */
  sample(seconds: number): void {
    const lag = Math.max(0, seconds);
    this.lags.observe(lag);
    this.latest[this.samples % WINDOW_SAMPLES] = lag;
    this.samples += 1;
  }

  registerOn(registry: Registry): void {
    registerCollectedHistogram(registry, INSTRUMENTS.eventLoopLag, () => [[{}, this.lags]]);
    registerCollected(registry, INSTRUMENTS.eventLoopLagP50, () => [[{}, this.quantile(0.5)]]);
    registerCollected(registry, INSTRUMENTS.eventLoopLagP99, () => [[{}, this.quantile(0.99)]]);
  }

  /** By nearest rank; 0 before the first sample. */
  private quantile(share: number): number {
    const window = this.latest.slice(0, Math.min(this.samples, WINDOW_SAMPLES)).toSorted();
    return window[Math.ceil(share * window.length) - 1] ?? 0;
  }
}
