import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { ServerTls } from '../../http/tls/server-tls.js';
import { readBuildInfo } from '../../config/build-info.js';
import type { HttpMetrics } from '../http-metrics.js';
import type { PrometheusObserver } from '../prometheus-observer.js';
import type { Tally } from '../tally.js';
import { RecentGrowth } from './recent-growth.js';
import type {
  CheckState,
  CheckStatus,
  EndpointStatus,
  Refusal,
  StatusReport,
  TurnedAway,
} from './status-report.js';

/** What lives outside the metrics application and is shown on its page. */
export interface StatusSources {
  readonly observer: PrometheusObserver;
  readonly http: HttpMetrics;
  /** The servers that speak TLS. */
  readonly servers: readonly ServerTls[];
  /** Asked every few seconds: cheap, without side effects, and never throws. */
  readonly checks: () => readonly CheckState[];
}

export const STATUS_SOURCES = Symbol('STATUS_SOURCES');

const SAMPLE_MS = 2_000;
const WINDOW_SECONDS = 60;
/** A name that no endpoint has. */
const TURNED_AWAY = 'turned away';

/** Gathers what the status page says; of what is seen only over time it takes a sample every few seconds. */
@Injectable()
export class StatusReporter implements OnModuleInit, OnApplicationShutdown {
  private readonly build = readBuildInfo();
  private readonly growth = new RecentGrowth(WINDOW_SECONDS);
  private readonly states = new Map<string, { readonly state: string; readonly since: number }>();
  private turnedAwayBefore = 0;
  private turnedAwayAt: number | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(@Inject(STATUS_SOURCES) private readonly sources: StatusSources) {}

  onModuleInit(): void {
    this.sample();
    this.timer = setInterval(() => this.sample(), SAMPLE_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Takes as long as the queue's disk takes to say how much room it has, and has a limit. */
  async report(): Promise<StatusReport> {
    const { observer, servers } = this.sources;
    const stats = await observer.queue.stats();
    const now = secondsNow();
    return {
      ...this.build,
      now: new Date(),
      uptimeSeconds: now,
      checks: this.checks(now),
      queue: stats?.queue,
      sinks: stats?.lanes ?? observer.queue.askLanes(),
      endpoints: this.endpoints(now),
      refusals: this.refusals(),
      turnedAway: this.turnedAway(now),
      damaged: observer.queue.corruptRecords,
      certificates: servers,
    };
  }

  private sample(): void {
    const now = secondsNow();
    const accepted = this.intake().map(
      ({ endpoint, accepted: total }) => [endpoint, total] as const,
    );
    const { total } = this.turnedAway(now);
    this.growth.sample(now, new Map<string, number>([...accepted, [TURNED_AWAY, total]]));
    this.checks(now);
  }

  private intake() {
    return Object.values(this.sources.observer.intake.endpoints);
  }

  private checks(now: number): CheckStatus[] {
    return this.sources.checks().map(({ name, state, status, error }) => {
      let known = this.states.get(name);
      if (known?.state !== state) {
        known = { state, since: now };
        this.states.set(name, known);
      }
      return { name, state, status, error, seconds: now - known.since };
    });
  }

  private endpoints(now: number): EndpointStatus[] {
    return this.intake().map(({ endpoint, received, accepted, rejected, refused }) => {
      const { count, seconds } = this.growth.growth(endpoint, now, accepted);
      return {
        endpoint,
        acceptedPerSecond: count / Math.max(seconds, 1),
        received,
        accepted,
        rejected: sum(rejected.values()),
        refused: sum(refused.values()),
      };
    });
  }

  private refusals(): Refusal[] {
    const intake = this.intake();
    return [
      ...intake.flatMap(({ endpoint, refused }) => refusalsOf(endpoint, 'not taken', refused)),
      ...intake.flatMap(({ endpoint, rejected }) => refusalsOf(endpoint, 'invalid', rejected)),
      ...refusalsOf('any', 'dropped', this.sources.observer.intake.dropped),
    ];
  }

  private turnedAway(now: number): TurnedAway {
    const total = this.turnedAwayTotal();
    if (total > this.turnedAwayBefore) {
      this.turnedAwayBefore = total;
      this.turnedAwayAt = now;
    }
    return {
      lastMinute: this.growth.growth(TURNED_AWAY, now, total).count,
      total,
      secondsAgo: this.turnedAwayAt === undefined ? undefined : now - this.turnedAwayAt,
    };
  }

  private turnedAwayTotal(): number {
    const { intake } = this.sources.observer;
    return sum(
      Array.from(this.sources.http.tracker.totals())
        .filter(({ endpoint }) => endpoint in intake.endpoints)
        .flatMap(({ statuses }) => Array.from(statuses))
        .map(([status, requests]) => (status >= 500 ? requests : 0)),
    );
  }
}

function refusalsOf(endpoint: string, kind: Refusal['kind'], tally: Tally): Refusal[] {
  return Array.from(tally, ([reason, events]) => ({ endpoint, kind, reason, events })).filter(
    ({ events }) => events > 0,
  );
}

/** Since the process started, on the monotonic clock. */
function secondsNow(): number {
  return performance.now() / 1000;
}

function sum(numbers: Iterable<number>): number {
  return Array.from(numbers).reduce((total, each) => total + each, 0);
}
