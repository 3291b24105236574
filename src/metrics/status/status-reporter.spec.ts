import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { HttpMetrics } from '../http-metrics.js';
import { EVENT_ENDPOINTS } from '../pipeline-observer.js';
import { PrometheusObserver } from '../prometheus-observer.js';
import type { CheckState } from './status-report.js';
import { StatusReporter } from './status-reporter.js';

let observer: PrometheusObserver;
let http: HttpMetrics;
let queue: CheckState;
let reporter: StatusReporter;

beforeEach(() => {
  vi.useFakeTimers();
  observer = new PrometheusObserver({ sinks: ['log'] });
  http = new HttpMetrics([{ endpoint: '/collect', method: 'POST', status: 202 }]);
  queue = { name: 'queue', state: 'accepting', status: 'up' };
  reporter = new StatusReporter({ observer, http, servers: [], checks: () => [queue] });
  reporter.onModuleInit();
});

afterEach(() => {
  reporter.onApplicationShutdown();
  vi.useRealTimers();
});

function answered(status: number, requests: number): void {
  const [totals] = http.tracker.totals();
  totals?.statuses.set(status, (totals.statuses.get(status) ?? 0) + requests);
}

describe('StatusReporter', () => {
  it('tells the rate of the last minute', async () => {
    observer.eventsAccepted('/collect', 6_000);
    vi.advanceTimersByTime(60_000);
    expect((await reporter.report()).endpoints).toEqual([
      expect.objectContaining({ endpoint: '/px.gif', acceptedPerSecond: 0 }),
      expect.objectContaining({ endpoint: '/collect', acceptedPerSecond: 100, accepted: 6_000 }),
      ...EVENT_ENDPOINTS.slice(2).map((endpoint) =>
        expect.objectContaining({ endpoint, acceptedPerSecond: 0, accepted: 0 }),
      ),
    ]);
    vi.advanceTimersByTime(60_000);
    const [, collect] = (await reporter.report()).endpoints;
    expect(collect).toMatchObject({ acceptedPerSecond: 0, accepted: 6_000 });
  });

  it('tells for how long a check has had its state, whether or not somebody looks', async () => {
    vi.advanceTimersByTime(10_000);
    queue = { name: 'queue', state: 'full', status: 'down', error: 'why' };
    vi.advanceTimersByTime(602_000);
    expect((await reporter.report()).checks).toEqual([{ ...queue, seconds: 600 }]);
    queue = { name: 'queue', state: 'accepting', status: 'up' };
    expect((await reporter.report()).checks).toMatchObject([{ state: 'accepting', seconds: 0 }]);
  });

  it('tells of answers of 500 and above, and when the latest was', async () => {
    answered(202, 10);
    answered(400, 10);
    expect((await reporter.report()).turnedAway).toEqual({
      lastMinute: 0,
      total: 0,
      secondsAgo: undefined,
    });
    answered(503, 3);
    answered(500, 1);
    expect((await reporter.report()).turnedAway).toEqual({
      lastMinute: 4,
      total: 4,
      secondsAgo: 0,
    });
    vi.advanceTimersByTime(120_000);
    expect((await reporter.report()).turnedAway).toEqual({
      lastMinute: 0,
      total: 4,
      secondsAgo: 120,
    });
  });

  it('lists refusals that there are', async () => {
    observer.eventsRefused('/px.gif', 'disk', 2);
    observer.eventsRejected('/collect', 'schema', 3);
    observer.eventsDropped('privacy_signal', 4);
    expect((await reporter.report()).refusals).toEqual([
      { endpoint: '/px.gif', kind: 'not taken', reason: 'disk', events: 2 },
      { endpoint: '/collect', kind: 'invalid', reason: 'schema', events: 3 },
      { endpoint: 'any', kind: 'dropped', reason: 'privacy_signal', events: 4 },
    ]);
  });

  it('does not wait for a disk that hangs, and still has the ledger', async () => {
    const { promise, resolve } = Promise.withResolvers<never>();
    onTestFinished(() => resolve(undefined as never));
    observer.queueOpened(() => promise);
    const report = reporter.report();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await report).toMatchObject({ queue: undefined, sinks: [{ sink: 'log' }] });
  });
});
