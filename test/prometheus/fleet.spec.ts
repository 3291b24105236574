import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import type { KafkaBroker } from '../support/servers/kafka-broker.js';
import {
  readDashboards,
  readFolder,
  RULES,
  substituted,
} from '../support/servers/monitoring-files.js';
import { uniqueName } from '../support/servers/postgres-server.js';
import {
  findPrometheus,
  Prometheus,
  type PrometheusPrograms,
} from '../support/servers/prometheus.js';
import { sendEvent } from '../support/servers/send-event.js';
import { sharedKafka } from '../support/servers/shared-servers.js';

const PARTITIONS = 2;
const programs = findPrometheus();
const kafka = await sharedKafka();
afterAll(() => kafka?.stop());

describe.skipIf(!programs || !kafka)('a fleet on a real Prometheus', () => {
  const topic = uniqueName('queue');
  let workplaces: Workplace[] = [];
  let prometheus: Prometheus;
  let ingest: Collector;
  let deliver: Collector;

  const start = async (role: string): Promise<Collector> => {
    const workplace = await Workplace.create();
    workplaces = [...workplaces, workplace];
    return workplace.start({
      QUEUE_DRIVER: 'kafka',
      ROLE: role,
      OUTPUTS: 'log',
      INSTANCE_ID: topic,
      KAFKA_BROKERS: (kafka as KafkaBroker).address(),
      QUEUE_KAFKA_TOPIC: topic,
    });
  };

  const firing = async (): Promise<string[]> =>
    (await prometheus.rules()).flatMap(({ name, alerts = [] }) => alerts.map(() => name));

  beforeAll(async () => {
    await (kafka as KafkaBroker).createTopic(topic, { partitions: PARTITIONS });
    [ingest, deliver] = await Promise.all([start('ingest'), start('deliver')]);
    const [{ directory }] = workplaces as [Workplace];
    await mkdir(`${directory}/rules`);
    for (const [name, text] of await readFolder(RULES)) {
      await writeFile(`${directory}/rules/${name}`, text);
    }
    const targets = [ingest, deliver].map(({ metricsUrl }) => new URL(metricsUrl).host);
    const config = `${directory}/prometheus.yml`;
    await writeFile(
      config,
      `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [rules/*.yml]
scrape_configs:
  - job_name: gotrack
    static_configs: [{ targets: [${targets.map((target) => `'${target}'`).join()}] }]
`,
    );
    prometheus = await Prometheus.start(programs as PrometheusPrograms, config, directory);
    await sendEvent(ingest, 'first', 'collect');
    const delivered = 'gotrack_fleet_events{state="delivered"} == 1';
    await until(async () => (await prometheus.query(delivered)).length === 2);
    const scraped = 'count_over_time(gotrack_fleet_events{state="delivered"}[1m]) > 1';
    await until(async () => (await prometheus.query(scraped)).length === 2);
    await until(async () => (await prometheus.rules()).every(({ health }) => health === 'ok'));
  });

  afterAll(async () => {
    await prometheus?.stop();
    await Promise.all(workplaces.map((workplace) => workplace.remove()));
  });

  it('finds something with every query of the dashboard, and values for its variables', async () => {
    const dashboard = (await readDashboards()).get('fleet.json');
    const queries = dashboard?.panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => [title, expr] as const),
    );
    expect(queries?.length).toBeGreaterThan(10);
    await vi.waitFor(async () => {
      const nothing: string[] = [];
      for (const [title, expr] of queries ?? []) {
        if ((await prometheus.query(substituted(expr))).length === 0) {
          nothing.push(title);
        }
      }
      expect(nothing).toEqual([]);
    });
    expect(
      await prometheus.labelValues(
        'sink',
        substituted('gotrack_queue_partitions_owned{job=~"$job"}'),
      ),
    ).toEqual(['log']);
  });

  it('has every series that an alert on fleets selects', async () => {
    const rules = await prometheus.rules();
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    const selectors = rules
      .filter(({ type }) => type === 'alerting')
      .flatMap(({ query }) =>
        Array.from(
          query.matchAll(
            /gotrack_(?:fleet_|queue_partitions|queue_retention|events_spilled)\w*(?:\{[^}]*\})?/g,
          ),
        ),
      )
      .map(([selector]) => selector);
    expect(selectors.length).toBeGreaterThan(6);
    const nothing: string[] = [];
    for (const selector of selectors) {
      if ((await prometheus.query(`last_over_time(${selector}[5m])`)).length === 0) {
        nothing.push(selector);
      }
    }
    expect(nothing).toEqual([]);
  });

  it('says that nobody delivers, when only those that take events are left', async () => {
    // A scrape that came too late leaves it pending until the next evaluation.
    await until(async () => !(await firing()).includes('GoTrackPartitionsWithoutOwner'));
    await deliver.kill();
    expect((await sendEvent(ingest, 'second', 'collect')).status).toBe(202);
    // It is pending at first, for as long as the rule says.
    await until(async () => (await firing()).includes('GoTrackPartitionsWithoutOwner'));
    const lag = 'max by (job, sink) (gotrack_fleet_events{state="queued"}) == 1';
    await until(async () => (await prometheus.query(lag)).length === 1);
  });
});
