import { setTimeout as sleep } from 'node:timers/promises';
import { type Collector, until } from '../servers/collector.js';
import { type GeneratedLoad, generateLoad, type LoadOrder } from './generate-load.js';
import { probe } from '../servers/probe.js';
import { residentBytes } from '../servers/process-figures.js';

const POLL_MS = 100;
/** What it can take is measured with as many as keep it busy. */
const SATURATING_CONNECTIONS = 64;
/** More than the collector lets wait. */
const CONNECTIONS = 8000;

export interface Poll {
  readonly path: string;
  /** Of the answer, or why there was none. */
  readonly status: number | string;
  readonly ms: number;
}

export interface Overload {
  readonly prefix: string;
  /** Answers a second in a closed loop, before. */
  readonly capacity: number;
  readonly offeredPerSecond: number;
  readonly seconds: number;
  readonly load: GeneratedLoad;
  /** Of `/metrics` and `/healthz`, from before the first arrival to behind the last answer. */
  readonly polls: readonly Poll[];
  /** Resident, MiB: before, and the most that was seen. */
  readonly memory: { readonly before: number; readonly peak: number };
  /** From the last arrival until all were answered, a new request was, and the queue was empty. */
  readonly backAfterMs: number;
}

type Target = Pick<LoadOrder, 'port' | 'target'>;

/** As much as it can take: each of the connections sends again once it has its answer. */
export async function capacityOf(target: Target, seconds: number): Promise<number> {
  const load = await generateLoad({
    ...target,
    prefix: 'capacity-',
    seconds,
    connections: SATURATING_CONNECTIONS,
  });
  return (load.statuses['200'] ?? 0) / seconds;
}

/** Offers so many times what it can take, by the clock, and looks on. */
export async function overload(
  collector: Collector,
  target: string,
  options: { capacity: number; factor: number; seconds: number; prefix: string },
): Promise<Overload> {
  const { capacity, factor, seconds, prefix } = options;
  const before = await residentMiB(collector.pid);
  const watch = new Watch(collector);
  const load = await generateLoad({
    port: collector.port,
    target,
    prefix,
    ratePerSecond: capacity * factor,
    seconds,
    connections: CONNECTIONS,
  });
  const answeredAt = performance.now();
  await until(async () => (await fetch(`${collector.url}/px.gif?event_id=after-${prefix}`)).ok);
  await collector.drained();
  return {
    prefix,
    capacity,
    offeredPerSecond: capacity * factor,
    seconds,
    load,
    polls: await watch.end(),
    memory: { before, peak: watch.peakMiB },
    backAfterMs: load.settledAfterMs + performance.now() - answeredAt,
  };
}

class Watch {
  peakMiB = 0;
  private readonly polls: Poll[] = [];
  private ended = false;
  private readonly watching: Promise<unknown>;

  constructor(private readonly collector: Collector) {
    this.watching = Promise.all([
      this.watch('/metrics', collector.metricsUrl),
      this.watch('/healthz', collector.metricsUrl),
      this.watch('/healthz', collector.url),
    ]);
  }

  async end(): Promise<readonly Poll[]> {
    this.ended = true;
    await this.watching;
    return this.polls;
  }

  private async watch(path: string, url: string): Promise<void> {
    while (!this.ended) {
      const startedAt = performance.now();
      const status = await probe(url + path);
      this.polls.push({ path, status, ms: performance.now() - startedAt });
      this.peakMiB = Math.max(this.peakMiB, await residentMiB(this.collector.pid));
      await sleep(POLL_MS);
    }
  }
}

async function residentMiB(pid: number): Promise<number> {
  return (await residentBytes(pid)) / 1_048_576;
}
