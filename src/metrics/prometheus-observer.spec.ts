import { Registry } from 'prom-client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  BOT_VERDICTS,
  DROP_REASONS,
  REFUSAL_REASONS,
  REJECTION_REASONS,
  SINK_ERROR_TYPES,
} from '../event/reasons.js';
import type { LaneStats, QueueStats } from './pipeline-observer.js';
import { PrometheusObserver } from './prometheus-observer.js';

const QUEUE: QueueStats = {
  bytes: 4096,
  capacityBytes: 1_048_576,
  filesystemAvailableBytes: 9_999_999,
};
const LANES: readonly LaneStats[] = [
  {
    sink: 'log',
    oldestEventAgeSeconds: 12.5,
    ledger: { accepted: 21, delivered: 1, queued: 2, deadLettered: 3, purged: 6, corrupt: 9 },
  },
];

function observed(...sinks: string[]) {
  const observer = new PrometheusObserver({ sinks });
  const registry = new Registry();
  observer.registerOn(registry);
  /** Series with their values, as they stand in the exposition. */
  const series = async (): Promise<Map<string, number>> => {
    const samples = (await registry.metrics()).split('\n').filter((line) => /^\w/.test(line));
    return new Map(
      samples.map((line) => {
        const space = line.lastIndexOf(' ');
        return [line.slice(0, space), Number(line.slice(space + 1))];
      }),
    );
  };
  return { observer, series };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('PrometheusObserver', () => {
  it('shows every series whose labels are known before anything has happened', async () => {
    const endpoints = ['/px.gif', '/collect'];
    const sinks = ['log', 'kafka'];
    const all = await observed(...sinks).series();

    const expected = [
      ...endpoints.map((endpoint) => `gotrack_events_received_total{endpoint="${endpoint}"}`),
      ...endpoints.map((endpoint) => `gotrack_events_accepted_total{endpoint="${endpoint}"}`),
      ...endpoints.flatMap((endpoint) =>
        REJECTION_REASONS.map(
          (reason) => `gotrack_events_rejected_total{endpoint="${endpoint}",reason="${reason}"}`,
        ),
      ),
      ...endpoints.flatMap((endpoint) =>
        REFUSAL_REASONS.map(
          (reason) => `gotrack_events_refused_total{endpoint="${endpoint}",reason="${reason}"}`,
        ),
      ),
      ...BOT_VERDICTS.map((verdict) => `gotrack_bot_events_total{verdict="${verdict}"}`),
      ...DROP_REASONS.map((reason) => `gotrack_events_dropped_total{reason="${reason}"}`),
      'gotrack_rejected_discarded_total',
      'gotrack_events_replayed_total{sink="rejected"}',
      ...sinks.flatMap((sink) => [
        `gotrack_events_ingested_total{sink="${sink}"}`,
        `gotrack_events_duplicate_total{sink="${sink}"}`,
        `gotrack_events_replayed_total{sink="${sink}"}`,
        `gotrack_events_dead_lettered_total{sink="${sink}",reason="rejected"}`,
        `gotrack_sink_retries_total{sink="${sink}"}`,
        `gotrack_queue_depth{sink="${sink}"}`,
        `gotrack_queue_oldest_event_age_seconds{sink="${sink}"}`,
        `gotrack_batch_flush_latency_seconds_count{sink="${sink}"}`,
      ]),
      ...sinks.flatMap((sink) =>
        SINK_ERROR_TYPES.map(
          (type) => `gotrack_sink_errors_total{sink="${sink}",error_type="${type}"}`,
        ),
      ),
      ...sinks.flatMap((sink) =>
        ['accepted', 'delivered', 'queued', 'dead_lettered', 'purged', 'corrupt'].map(
          (state) => `gotrack_ledger_events{sink="${sink}",state="${state}"}`,
        ),
      ),
      'gotrack_queue_bytes',
      'gotrack_queue_capacity_bytes',
      'gotrack_queue_filesystem_available_bytes',
      'gotrack_queue_commit_duration_seconds_count',
      'gotrack_queue_commit_errors_total',
      'gotrack_queue_corrupt_records_total',
    ];
    expect(expected.filter((name) => all.get(name) !== 0)).toEqual([]);
  });

  it('counts what became of events', async () => {
    const { observer, series } = observed('log');
    observer.eventsReceived('/collect', 10);
    observer.eventsAccepted('/collect', 4);
    observer.eventsRejected('/collect', 'schema', 3);
    observer.eventsRefused('/collect', 'queue_full', 2);
    observer.eventsDropped('privacy_signal', 1);
    observer.eventsReceived('/px.gif', 1);
    observer.rejectedDiscarded(5);

    const all = await series();
    expect(all.get('gotrack_events_received_total{endpoint="/collect"}')).toBe(10);
    expect(all.get('gotrack_events_received_total{endpoint="/px.gif"}')).toBe(1);
    expect(all.get('gotrack_events_accepted_total{endpoint="/collect"}')).toBe(4);
    expect(all.get('gotrack_events_rejected_total{endpoint="/collect",reason="schema"}')).toBe(3);
    expect(all.get('gotrack_events_refused_total{endpoint="/collect",reason="queue_full"}')).toBe(
      2,
    );
    expect(all.get('gotrack_events_dropped_total{reason="privacy_signal"}')).toBe(1);
    expect(all.get('gotrack_rejected_discarded_total')).toBe(5);
  });

  it('counts what sent events, and what could not look at them, each step from the start', async () => {
    const { observer, series } = observed('log');
    observer.enrichmentStepsNamed(['address', 'bots']);
    observer.enrichmentFailed('bots');
    observer.botsJudged('bot', 3);
    observer.botsJudged('human', 2);

    const all = await series();
    expect(all.get('gotrack_enrichment_errors_total{step="address"}')).toBe(0);
    expect(all.get('gotrack_enrichment_errors_total{step="bots"}')).toBe(1);
    expect(all.get('gotrack_bot_events_total{verdict="bot"}')).toBe(3);
    expect(all.get('gotrack_bot_events_total{verdict="human"}')).toBe(2);
    expect(all.get('gotrack_bot_events_total{verdict="suspect"}')).toBe(0);
  });

  it('counts what became of batches, each attempt among the flushes', async () => {
    const { observer, series } = observed('log', 'kafka');
    observer.batchFailed('kafka', 'timeout', 20);
    observer.batchRetried('kafka');
    observer.eventsWritten('kafka', 7);
    observer.batchWritten('kafka', 100, 3, 0.02);
    observer.eventsDeadLettered('kafka', 'rejected', 2);
    observer.eventsReplayed('kafka', 1);
    observer.rejectedReplayed(4);

    const all = await series();
    expect(all.get('gotrack_events_ingested_total{sink="kafka"}')).toBe(107);
    expect(all.get('gotrack_events_ingested_total{sink="log"}')).toBe(0);
    expect(all.get('gotrack_events_duplicate_total{sink="kafka"}')).toBe(3);
    expect(all.get('gotrack_sink_errors_total{sink="kafka",error_type="timeout"}')).toBe(1);
    expect(all.get('gotrack_sink_retries_total{sink="kafka"}')).toBe(1);
    expect(all.get('gotrack_events_dead_lettered_total{sink="kafka",reason="rejected"}')).toBe(2);
    expect(all.get('gotrack_events_replayed_total{sink="kafka"}')).toBe(1);
    expect(all.get('gotrack_events_replayed_total{sink="rejected"}')).toBe(4);
    expect(all.get('gotrack_batch_flush_latency_seconds_count{sink="kafka"}')).toBe(2);
    expect(all.get('gotrack_batch_flush_latency_seconds_sum{sink="kafka"}')).toBe(20.02);
    expect(all.get('gotrack_batch_flush_latency_seconds_bucket{sink="kafka",le="10"}')).toBe(1);
  });

  it('counts an error type that it does not know as other', async () => {
    const { observer, series } = observed('log');
    observer.batchFailed('log', 'moonphase', 1);
    const all = await series();
    expect(all.get('gotrack_sink_errors_total{sink="log",error_type="other"}')).toBe(1);
    expect([...all.keys()].filter((name) => name.includes('moonphase'))).toEqual([]);
  });

  it('counts for a sink that it did not know at first', async () => {
    const { observer, series } = observed('log');
    observer.batchWritten('added', 1, 0, 1);
    expect((await series()).get('gotrack_events_ingested_total{sink="added"}')).toBe(1);
  });

  it('does not say whether a sink is up before it knows', async () => {
    const { observer, series } = observed('log', 'kafka');
    const up = async (): Promise<string[]> =>
      Array.from(await series(), ([name, value]) => `${name} ${value}`).filter((line) =>
        line.startsWith('gotrack_sink_up'),
      );
    await expect(up()).resolves.toEqual([]);
    observer.sinkWentUp('log');
    await expect(up()).resolves.toEqual(['gotrack_sink_up{sink="log"} 1']);
    observer.sinkWentDown('log');
    await expect(up()).resolves.toEqual(['gotrack_sink_up{sink="log"} 0']);
  });

  it('dates the last success at the start of the process until there is one', async () => {
    vi.useFakeTimers({ now: 5_000_000_000_000, toFake: ['Date'] });
    const { observer, series } = observed('log', 'kafka');
    observer.batchWritten('log', 1, 0, 1);
    const all = await series();
    expect(all.get('gotrack_sink_last_success_timestamp_seconds{sink="log"}')).toBe(5e9);
    expect(all.get('gotrack_sink_last_success_timestamp_seconds{sink="kafka"}')).toBe(
      performance.timeOrigin / 1000,
    );
  });

  it('counts events by country, and shows the database, once places are looked up', async () => {
    const { observer, series } = observed('log');
    const geo = async (): Promise<string[]> =>
      Array.from(await series(), ([name, value]) => `${name} ${value}`).filter((line) =>
        /^gotrack_(?:events_by_country|geo)/.test(line),
      );
    observer.eventsLocated(undefined, 1);
    await expect(geo()).resolves.toEqual([]);
    let lastReloadSuccessful = true;
    observer.placesOpened(() => ({ builtAt: new Date(5_000), lastReloadSuccessful }));
    observer.eventsLocated('DE', 3);
    observer.eventsLocated('DE', 2);
    await expect(geo()).resolves.toEqual([
      'gotrack_events_by_country_total{country="none"} 1',
      'gotrack_events_by_country_total{country="DE"} 5',
      'gotrack_geo_database_build_timestamp_seconds 5',
      'gotrack_geo_database_last_reload_successful 1',
    ]);
    lastReloadSuccessful = false;
    expect((await geo()).at(-1)).toBe('gotrack_geo_database_last_reload_successful 0');
  });

  it('counts violations by the schemas that there are or were', async () => {
    const { observer, series } = observed('log');
    const schemas = async (): Promise<string[]> =>
      Array.from(await series(), ([name, value]) => `${name} ${value}`).filter((line) =>
        line.startsWith('gotrack_event_schema'),
      );
    await expect(schemas()).resolves.toEqual([]);
    let types = ['*', 'signup'];
    let lastReloadSuccessful = true;
    observer.eventSchemasOpened(() => ({ types, lastReloadSuccessful }));
    observer.eventSchemaViolated('signup', 3);
    await expect(schemas()).resolves.toEqual([
      'gotrack_event_schema_violations_total{type="signup"} 3',
      'gotrack_event_schema_violations_total{type="*"} 0',
      'gotrack_event_schemas_last_reload_successful 1',
    ]);
    types = ['login'];
    lastReloadSuccessful = false;
    await expect(schemas()).resolves.toEqual([
      'gotrack_event_schema_violations_total{type="signup"} 3',
      'gotrack_event_schema_violations_total{type="*"} 0',
      'gotrack_event_schema_violations_total{type="login"} 0',
      'gotrack_event_schemas_last_reload_successful 0',
    ]);
  });

  it('shows the state of the queue and of its lanes', async () => {
    const { observer, series } = observed('log');
    observer.queueOpened(() => Promise.resolve(QUEUE));
    observer.lanesOpened(() => LANES);
    observer.commitSucceeded(0.004);
    observer.commitFailed();
    observer.corruptRecordsFound(4);

    const all = await series();
    expect(all.get('gotrack_queue_depth{sink="log"}')).toBe(2);
    expect(all.get('gotrack_queue_oldest_event_age_seconds{sink="log"}')).toBe(12.5);
    expect(all.get('gotrack_queue_bytes')).toBe(4096);
    expect(all.get('gotrack_queue_capacity_bytes')).toBe(1_048_576);
    expect(all.get('gotrack_queue_filesystem_available_bytes')).toBe(9_999_999);
    expect(all.get('gotrack_queue_commit_duration_seconds_sum')).toBe(0.004);
    expect(all.get('gotrack_queue_commit_errors_total')).toBe(1);
    expect(all.get('gotrack_queue_corrupt_records_total')).toBe(4);
    const ledger = Array.from(all).filter(([name]) => name.startsWith('gotrack_ledger_events'));
    expect(ledger).toEqual([
      ['gotrack_ledger_events{sink="log",state="accepted"}', 21],
      ['gotrack_ledger_events{sink="log",state="delivered"}', 1],
      ['gotrack_ledger_events{sink="log",state="queued"}', 2],
      ['gotrack_ledger_events{sink="log",state="dead_lettered"}', 3],
      ['gotrack_ledger_events{sink="log",state="purged"}', 6],
      ['gotrack_ledger_events{sink="log",state="corrupt"}', 9],
    ]);
  });

  it('shows what has expired in a topic, for sinks that read one', async () => {
    const { observer, series } = observed('log');
    const [lane] = LANES as [LaneStats];
    const ledger = { ...lane.ledger, accepted: 28, expired: 7 };
    observer.lanesOpened(() => [{ ...lane, ledger }]);
    const all = await series();
    expect(all.get('gotrack_ledger_events{sink="log",state="expired"}')).toBe(7);
    expect(all.get('gotrack_ledger_events{sink="log",state="accepted"}')).toBe(28);
  });

  it('shows one state of the queue in all metrics of a scrape', async () => {
    const { observer, series } = observed('log');
    let bytes = 0;
    observer.queueOpened(() => {
      bytes += 1;
      return Promise.resolve({ ...QUEUE, bytes, capacityBytes: bytes });
    });
    for (const scrape of [1, 2]) {
      const all = await series();
      expect(all.get('gotrack_queue_bytes')).toBe(scrape);
      expect(all.get('gotrack_queue_capacity_bytes')).toBe(scrape);
    }
  });

  it('leaves out only the state of the queue while it does not answer', async () => {
    const { observer, series } = observed('log');
    observer.queueOpened(() => Promise.reject(new Error('no such disk')));
    const without = await series();
    expect(without.has('gotrack_queue_bytes')).toBe(false);
    expect(without.has('gotrack_queue_depth{sink="log"}')).toBe(false);
    expect(without.has('gotrack_events_ingested_total{sink="log"}')).toBe(true);

    observer.queueOpened(() => Promise.resolve(QUEUE));
    expect((await series()).get('gotrack_queue_bytes')).toBe(4096);
  });

  it('does not wait for a queue that never answers, nor ask it twice', async () => {
    vi.useFakeTimers();
    const { observer, series } = observed('log');
    const questions: string[] = [];
    observer.queueOpened(() => {
      questions.push('asked');
      return new Promise(() => {});
    });
    for (const _ of [1, 2]) {
      const scrape = series();
      await vi.advanceTimersByTimeAsync(5_000);
      const all = await scrape;
      expect(all.has('gotrack_queue_depth{sink="log"}')).toBe(false);
      expect(all.has('gotrack_queue_commit_errors_total')).toBe(true);
    }
    expect(questions).toEqual(['asked']);
  });
});
