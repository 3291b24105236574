import { mkdir, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Collector, until, Workplace } from '../support/servers/collector.js';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

interface Ready {
  readonly status: string;
  readonly checks: Record<string, unknown>;
}

const readiness = async (url: string): Promise<string> => (await fetch(`${url}/readyz`)).text();

const shownAsFailing = async (collector: Collector): Promise<void> => {
  await until(async () => {
    const ready = JSON.parse(await readiness(collector.url)) as Ready;
    return ready.status === 'degraded';
  });
};

it('shows a DEAD_LETTER_PATH that cannot be written at start and on /readyz, and still accepts', async () => {
  await mkdir(workplace.path('data'));
  await writeFile(workplace.path('data', 'dead-letters'), 'a file is in its place');
  const collector = await workplace.start();
  await shownAsFailing(collector);
  expect(collector.log.filter((line) => line.includes('DEAD_LETTER_PATH'))).toHaveLength(1);
  expect(await readiness(collector.metricsUrl)).toContain('DEAD_LETTER_PATH');
  expect(await readiness(collector.url)).not.toContain('DEAD_LETTER_PATH');
  expect((await fetch(`${collector.url}/px.gif`)).status).toBe(200);

  await rm(workplace.path('data', 'dead-letters'));
  await until(async () => (JSON.parse(await readiness(collector.url)) as Ready).status === 'ok');
  expect(collector.log.join()).toContain('can be written again');
});

it('gives a DEAD_LETTER_PATH one owner', async () => {
  const first = await workplace.start();
  const other = { QUEUE_PATH: './data/other-queue', LOG_PATH: './data/other.ndjson' };
  const second = await workplace.start(other);
  await shownAsFailing(second);
  expect(await readiness(second.metricsUrl)).toContain('belong to another running GoTrack');
  await first.stop();
  await until(async () => (JSON.parse(await readiness(second.url)) as Ready).status === 'ok');
});
