import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  readFolder,
  RULE_TESTS,
  RULES,
  withListedSource,
} from '../support/servers/monitoring-files.js';
import { findPrometheus } from '../support/servers/prometheus.js';

const found = findPrometheus();
const run = promisify(execFile);

const texts = async (folder: string): Promise<string> =>
  (await readFolder(folder)).map(([, text]) => text).join('\n');

describe.skipIf(!found)('promtool', () => {
  const promtool = found?.promtool ?? '';
  const config = (name: string): string => join('config/prometheus', name);
  const paths = async (folder: string): Promise<string[]> =>
    (await readFolder(folder)).map(([name]) => join(folder, name));

  it.each(['prometheus.yml', 'prometheus-replicas.yml', 'prometheus-fleet.yml'])(
    'finds nothing wrong with the scrape configuration %s and its rules',
    async (name) => {
      const { stdout } = await run(promtool, ['check', 'config', config(name)]);
      expect(stdout).toContain('1 rule files found');
    },
  );

  it('finds nothing wrong with the one for TLS, beside its certificates', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'gotrack-prometheus-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    await cp('config/prometheus', directory, { recursive: true });
    await mkdir(join(directory, 'tls'));
    for (const name of ['ca.crt', 'client.crt', 'client.key']) {
      await writeFile(join(directory, 'tls', name), '');
    }
    const configFile = join(directory, 'prometheus-tls.yml');
    const { stdout } = await run(promtool, ['check', 'config', configFile]);
    expect(stdout).toContain('1 rule files found');
  });

  it('finds nothing wrong with the rules', async () => {
    const { stdout } = await run(promtool, ['check', 'rules', ...(await paths(RULES))]);
    expect(stdout).not.toContain('FAILED');
  });

  it('watches a source once its lines in the rule file are no comment', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'gotrack-prometheus-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const rules = await texts(RULES);
    const listed = withListedSource(rules);
    expect(listed).not.toBe(rules);
    await writeFile(join(directory, 'rules.yml'), listed);
    await writeFile(
      join(directory, 'test.yml'),
      `rule_files: [rules.yml]
tests:
  - interval: 1m
    input_series: [{ series: 'up{job="gotrack", instance="a:9090"}', values: '1x60' }]
    promql_expr_test:
      - expr: ALERTS{alertname="GoTrackSourceSilent", alertstate="firing"}
        eval_time: 40m
        exp_samples:
          - labels: 'ALERTS{alertname="GoTrackSourceSilent", alertstate="firing", severity="warning", source="shop"}'
            value: 1
`,
    );
    const { stdout } = await run(promtool, ['test', 'rules', join(directory, 'test.yml')]);
    expect(stdout).toContain('SUCCESS');
  });

  it('passes the tests of the rules', async () => {
    const { stdout } = await run(promtool, ['test', 'rules', ...(await paths(RULE_TESTS))]);
    expect(stdout.match(/SUCCESS/g)).toHaveLength((await paths(RULE_TESTS)).length);
  });
});

describe('each alert', async () => {
  const rules = await texts(RULES);
  const alerts = [...rules.matchAll(/- alert: (\w+)\n((?:(?! {6}- alert:).*\n)*)/g)].map(
    ([, name = '', body = '']) => [name, body] as const,
  );

  it('has a name of its own', () => {
    const names = alerts.map(([name]) => name);
    expect(names.length).toBeGreaterThan(20);
    expect(names).toEqual([...new Set(names)]);
  });

  it.each(alerts)('%s has a severity, a summary and a description', (_, body) => {
    expect(body).toMatch(/severity: (?:warning|critical)\n/);
    expect(body).toMatch(/summary: \S+/);
    expect(body).toMatch(/description: \S+/);
  });

  it.each(alerts)('%s writes no number as 270.2m', (_, body) => {
    // `humanize` puts a letter behind a number, and nobody reads `m` as thousandths.
    expect(body).not.toMatch(/\| humanize \}/);
  });

  it.each(alerts)('%s leads to its heading in the runbook', async (name, body) => {
    expect(body).toContain(`runbook_url: docs/operations/alerts.md#${name.toLowerCase()}\n`);
    const runbook = await readFile('docs/operations/alerts.md', 'utf8');
    expect(runbook.split('\n')).toContain(`### ${name}`);
  });

  it.each(alerts)('%s is tested', async (name) => {
    const tests = await texts(RULE_TESTS);
    for (const kind of ['fires', 'does not fire', 'series absent', 'counter reset']) {
      expect(tests).toContain(`name: '${name}: ${kind}'`);
    }
  });
});

describe('each recording rule', async () => {
  const rules = await texts(RULES);
  const names = [...rules.matchAll(/- record: (\S+)/g)].map(([, name = '']) => name);

  it.each(names)('%s is tested', async (name) => {
    expect(await texts(RULE_TESTS)).toContain(name);
  });
});
