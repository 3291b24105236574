import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Collector, until, Workplace } from '../support/servers/collector.js';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

/** A log sink that cannot be opened, so that events stay queued. */
const BROKEN_LOG = { LOG_PATH: './data/broken', SHUTDOWN_TIMEOUT_MS: '200' };

async function collect(collector: Collector, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const response = await fetch(`${collector.url}/px.gif?event_id=e${index}`);
    expect(response.status).toBe(200);
  }
}

async function queueEvents(count: number): Promise<void> {
  await mkdir(workplace.path('data', 'broken'), { recursive: true });
  const collector = await workplace.start(BROKEN_LOG);
  await collect(collector, count);
  expect(await collector.stop()).toBe(0);
}

/** `queue forget` takes no sink that OUTPUTS names. */
const WITHOUT_LOG = { OUTPUTS: 'kafka' };

describe('the files of the queue', () => {
  it('belong to one process: a second one refuses to start, and says why', async () => {
    await workplace.start();
    const second = await workplace.run(['serve']);
    expect(second.exitCode).toBe(1);
    expect(second.stderr).toMatch(/data\/queue belongs to another running GoTrack/);
    expect(second.stderr).toContain('QUEUE_PATH');
  });

  const queue = (...names: string[]): string => workplace.path('data', 'queue', ...names);
  const segments = async (): Promise<string[]> =>
    (await readdir(queue())).filter((name) => name.endsWith('.segment'));
  const removals: [what: string, remove: () => Promise<unknown>][] = [
    ['their directory is removed', () => rm(queue(), { recursive: true })],
    ['their directory is moved away', () => rename(queue(), workplace.path('elsewhere'))],
    [
      'their directory is replaced by a copy',
      async () => {
        await rename(queue(), workplace.path('elsewhere'));
        // Node's own copy refuses sockets, which `cp` takes along.
        const filter = (path: string): boolean => !path.endsWith('.sock');
        await cp(workplace.path('elsewhere'), queue(), { recursive: true, filter });
      },
    ],
    [
      'the segment is removed',
      async () => Promise.all((await segments()).map((name) => rm(queue(name)))),
    ],
    ['the cursors are removed', () => rm(queue('cursors'))],
    ['the lock is removed', () => rm(queue('owner.lock'))],
  ];

  it.each(removals)('refuse events for good once %s, and say what to do', async (_, remove) => {
    const collector = await workplace.start({ SHUTDOWN_TIMEOUT_MS: '200' });
    await collect(collector, 3);
    await collector.drained();
    await remove();
    const statuses: number[] = [];
    await until(async () => {
      const answer = await fetch(`${collector.url}/px.gif?event_id=late${statuses.length}`);
      statuses.push(answer.status);
      return answer.status === 503;
    });
    expect((await fetch(`${collector.url}/readyz`)).status).toBe(503);
    const details = await (await fetch(`${collector.metricsUrl}/readyz`)).text();
    expect(details).toMatch(
      /was (removed|replaced) while the queue was open.*restart this process/,
    );
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect((await fetch(`${collector.url}/px.gif`)).status).toBe(503);
    await collector.stop();
    expect(collector.log.join()).toContain('restart this process');
  });

  it('answer no event 2xx that is lost with them', async () => {
    await mkdir(workplace.path('data', 'broken'), { recursive: true });
    const collector = await workplace.start(BROKEN_LOG);
    await collect(collector, 3);
    await rm(queue(), { recursive: true });
    const answer = await fetch(`${collector.url}/px.gif?event_id=lost`);
    expect(answer.status).toBe(503);
    const second = await workplace.start(BROKEN_LOG);
    await collect(second, 5);
    expect((await fetch(`${collector.url}/px.gif`)).status).toBe(503);
    await collector.stop();
    expect(await second.metric('gotrack_queue_depth', { sink: 'log' })).toBe(5);
    await second.stop();
    const third = await workplace.start({ LOG_PATH: './data/whole.ndjson' });
    await third.drained();
    const lines = (await readFile(workplace.path('data', 'whole.ndjson'), 'utf8')).trimEnd();
    expect(lines.split('\n')).toHaveLength(5);
  });

  it('show on /readyz that they are gone when no event comes', async () => {
    const collector = await workplace.start();
    await rm(queue(), { recursive: true });
    await until(async () => (await fetch(`${collector.url}/readyz`)).status === 503);
    expect(collector.log.join()).toContain('restart this process');
  });

  it('lose one event to one flipped byte, and count it', async () => {
    await queueEvents(20);
    const directory = workplace.path('data', 'queue');
    const segment = (await readdir(directory)).find((name) => name.endsWith('.segment')) ?? '';
    const bytes = await readFile(workplace.path('data', 'queue', segment));
    const at = bytes.indexOf('"event_id":"e7"') + 12;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
    await writeFile(workplace.path('data', 'queue', segment), bytes);

    const collector = await workplace.start();
    await collector.drained();
    const ids = (await workplace.logged()).map(({ event_id }) => event_id);
    expect(ids).toEqual(
      Array.from({ length: 20 }, (_, index) => `e${index}`).filter((id) => id !== 'e7'),
    );
    expect(await collector.metric('gotrack_queue_corrupt_records_total')).toBe(1);
    expect(await collector.metric('gotrack_ledger_events', { state: 'corrupt' })).toBe(1);
    expect(collector.log.filter((line) => line.includes('damaged'))).toHaveLength(1);
  });

  it('refuse a format of another version', async () => {
    await queueEvents(1);
    await writeFile(workplace.path('data', 'queue', 'format'), 'gotrack-queue 9\n');
    const refused = await workplace.run(['serve']);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/format that this version does not know.*gotrack-queue 9/);
    const status = await workplace.run(['queue', 'status']);
    expect(status.exitCode).toBe(1);
    expect(refused.stderr).toContain(status.stderr);
  });

  it('can be looked at, with and without a running collector', async () => {
    await queueEvents(3);
    const stopped = await workplace.run(['queue', 'status']);
    expect(stopped.stdout).toMatch(/sink +queued +accepted +delivered +dead letters +purged/);
    expect(stopped.stdout).toMatch(/log +3 +3 +0 +0 +0/);
    expect(stopped.stdout).toMatch(/: [\d.]+ of 1024\.0 MiB used \(QUEUE_MAX_MB\), [\d.]+ %;/);
    const read = await workplace.run(['queue', 'status', '--json'], { QUEUE_MAX_MB: '7' });
    const status = JSON.parse(read.stdout) as { bytes: number };
    expect(status).toMatchObject({
      directory: './data/queue',
      capacityBytes: 7 * 1024 * 1024,
      sinks: [{ sink: 'log', ledger: { queued: 3, accepted: 3, delivered: 0, purged: 0 } }],
    });
    expect(status.bytes).toBeGreaterThan(0);

    const collector = await workplace.start();
    await collector.drained();
    expect((await workplace.run(['queue', 'status'])).stdout).toMatch(/log +0 +3 +3/);
    const refused = await workplace.run(['queue', 'forget', 'log'], WITHOUT_LOG);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('belongs to another running GoTrack');
  });

  it('give up no sink that OUTPUTS names', async () => {
    await queueEvents(3);
    const refused = await workplace.run(['queue', 'forget', 'log'], { OUTPUTS: 'kafka,log' });
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/OUTPUTS names log: .*take log out of OUTPUTS first/);
    expect((await workplace.run(['queue', 'status'])).stdout).toMatch(/log +3 +3 +0/);
  });

  it('give up a sink when they are told to', async () => {
    await queueEvents(3);
    const unknown = await workplace.run(['queue', 'forget', 'kafka']);
    expect(unknown.exitCode).toBe(1);
    expect(unknown.stderr).toMatch(/no sink named kafka; it has log/);
    const forgotten = await workplace.run(['queue', 'forget', 'log'], WITHOUT_LOG);
    expect(forgotten).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('3 undelivered'),
    });

    const collector = await workplace.start();
    await until(async () => (await collector.metric('gotrack_sink_up', { sink: 'log' })) === 1);
    expect(await collector.metric('gotrack_ledger_events')).toBe(0);
    expect(await workplace.logged()).toEqual([]);
  });
});
