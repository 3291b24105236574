import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { canMount } from '../support/disk/mounts.js';
import { until } from '../support/servers/collector.js';
import { debianProgram, runDebianProgram } from '../support/servers/debian-program.js';
import { freePort } from '../support/servers/free-port.js';
import { RULES, readFolder, RULE_TESTS } from '../support/servers/monitoring-files.js';

const CONFIG = 'config/alertmanager/alertmanager.yml';
const PACKAGE = 'prometheus-alertmanager';

interface Scenario {
  readonly name: string;
  readonly promql_expr_test: readonly {
    readonly exp_samples: readonly { readonly labels: string }[];
  }[];
}

type Labels = Readonly<Record<string, string>>;

/** What fires in each scenario of together.test.yml, which promtool has checked. */
async function firing(): Promise<ReadonlyMap<string, readonly Labels[]>> {
  const { tests } = parse(await readFile(join(RULE_TESTS, 'together.test.yml'), 'utf8')) as {
    tests: readonly Scenario[];
  };
  return new Map(
    tests.map(({ name, promql_expr_test: [test] }) => [
      name,
      (test?.exp_samples ?? []).map(({ labels }) =>
        Object.fromEntries(
          [...labels.matchAll(/(\w+)="([^"]*)"/g)]
            .map(([, label = '', value = '']) => [label, value] as const)
            .filter(([label]) => label !== 'alertstate'),
        ),
      ),
    ]),
  );
}

/** Debian's reads its templates from /usr/share: where it is not installed, the unpacked ones lie over that, for it alone. */
const OVER_SHARE = 'mount --bind "$0/share" /usr/share && exec "$@"';

const program = canMount() ? debianProgram(PACKAGE, [PACKAGE]) : undefined;
if (!program) {
  process.stderr.write('no Alertmanager to test with: no package of it, or no right to mount\n');
}

it('names only alerts that there are', async () => {
  const rules = (await readFolder(RULES)).map(([, text]) => text).join('\n');
  const alerts = new Set([...rules.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name));
  const named = (await readFile(CONFIG, 'utf8')).match(/GoTrack[A-Z]\w+/g) ?? [];

  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !alerts.has(name))).toEqual([]);
});

describe.skipIf(!program)('an Alertmanager', () => {
  let directory: string;
  let url: string;
  let stop: () => Promise<unknown>;

  async function ask<Answer>(path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${url}/api/v2/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(text);
    }
    return (text === '' ? undefined : JSON.parse(text)) as Answer;
  }

  /** Names of the alerts of which somebody is told. */
  async function told(job: string): Promise<readonly string[]> {
    const alerts = await ask<readonly { labels: Labels; status: { state: string } }[]>(
      `alerts?filter=${encodeURIComponent(`job="${job}"`)}`,
    );
    if (alerts.length === 0 || alerts.some(({ status }) => status.state === 'unprocessed')) {
      throw new Error('the alerts are not grouped yet');
    }
    return alerts
      .filter(({ status }) => status.state === 'active')
      .map(({ labels }) => labels['alertname'] ?? '')
      .toSorted();
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gotrack-alertmanager-'));
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const child = spawn(
      'unshare',
      [
        '--mount',
        'sh',
        '-c',
        OVER_SHARE,
        dirname(dirname(program?.path ?? '')),
        program?.path ?? '',
        `--config.file=${CONFIG}`,
        `--storage.path=${directory}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
      ],
      { stdio: 'ignore', env: { ...process.env, ...program?.environment } },
    );
    const closed = once(child, 'close');
    stop = () => {
      child.kill('SIGKILL');
      return closed;
    };
    await until(async () => (await fetch(`${url}/-/ready`)).ok);
  });
  afterAll(async () => {
    await stop?.();
    await rm(directory, { recursive: true, force: true });
  });

  it('finds nothing wrong with the example', async () => {
    const checked = await runDebianProgram('amtool', [PACKAGE], ['check-config', CONFIG]);
    expect(checked).toContain('SUCCESS');
  });

  it.each([
    ['a dead sink', ['GoTrackSinkDown']],
    ['a lane that holds', ['GoTrackDeliveryStalled']],
    ['a queue that is nearly full and refuses', ['GoTrackEventsRefused', 'GoTrackQueueAlmostFull']],
  ])('tells of %s by %j and by nothing else', async (name, expected) => {
    const alerts = (await firing()).get(name) ?? [];
    expect(alerts.length).toBeGreaterThan(expected.length + 1);
    // A job for each scenario: the others' alerts are still there.
    await ask(
      'alerts',
      alerts.map((labels) => ({ labels: { ...labels, job: name } })),
    );

    await vi.waitFor(async () => {
      expect(await told(name)).toEqual(expected);
    });
  });

  it('tells of every sink that is down, and of one that is not what it has', async () => {
    const labels = { job: 'two sinks', instance: 'a:9090' };
    await ask('alerts', [
      { labels: { ...labels, alertname: 'GoTrackSinkDown', sink: 'kafka', severity: 'critical' } },
      { labels: { ...labels, alertname: 'GoTrackSinkDown', sink: 'log', severity: 'critical' } },
      {
        labels: {
          ...labels,
          alertname: 'GoTrackQueueGrowing',
          sink: 'postgres',
          severity: 'warning',
        },
      },
    ]);

    await vi.waitFor(async () => {
      expect(await told('two sinks')).toEqual([
        'GoTrackQueueGrowing',
        'GoTrackSinkDown',
        'GoTrackSinkDown',
      ]);
    });
  });
});
