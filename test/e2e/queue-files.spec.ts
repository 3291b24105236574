import { appendFile, mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Collector, until, Workplace } from '../support/collector.js';
import { canMount, withSmallFileSystem } from '../support/mounts.js';

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

describe('the files of the queue', () => {
  it('belong to one process: a second one refuses to start, and says why', async () => {
    await workplace.start();
    const second = await workplace.run(['serve']);
    expect(second.exitCode).toBe(1);
    expect(second.stderr).toMatch(/data\/queue belongs to another running GoTrack/);
    expect(second.stderr).toContain('QUEUE_PATH');
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
    expect(stopped.stdout).toMatch(/sink +queued +accepted +delivered/);
    expect(stopped.stdout).toMatch(/log +3 +3 +0/);

    const collector = await workplace.start();
    await collector.drained();
    expect((await workplace.run(['queue', 'status'])).stdout).toMatch(/log +0 +3 +3/);
    const refused = await workplace.run(['queue', 'forget', 'log']);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('belongs to another running GoTrack');
  });

  it('give up a sink when they are told to', async () => {
    await queueEvents(3);
    const unknown = await workplace.run(['queue', 'forget', 'kafka']);
    expect(unknown.exitCode).toBe(1);
    expect(unknown.stderr).toMatch(/no sink named kafka; it has log/);
    const forgotten = await workplace.run(['queue', 'forget', 'log']);
    expect(forgotten).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('3 undelivered'),
    });

    const collector = await workplace.start();
    await until(async () => (await collector.metric('gotrack_sink_up', { sink: 'log' })) === 1);
    expect(await collector.metric('gotrack_ledger_events')).toBe(0);
    expect(await workplace.logged()).toEqual([]);
  });

  it('fill up to their bound: then requests get 503 while the sink drains, and intake resumes by itself', async () => {
    await mkdir(workplace.path('data', 'broken'), { recursive: true });
    const collector = await workplace.start({
      ...BROKEN_LOG,
      QUEUE_MAX_MB: '1',
      FLUSH_INTERVAL_MS: '1',
    });
    const body = JSON.stringify(
      Array.from({ length: 10 }, () => ({ props: { text: 'x'.repeat(5000) } })),
    );
    const post = (): Promise<Response> =>
      fetch(`${collector.url}/collect`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
    let answered = await post();
    while (answered.status === 202) {
      answered = await post();
    }
    expect(answered.status).toBe(503);
    expect(Number(answered.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answered.json()).toMatchObject({ statusCode: 503, code: 'GT_QUEUE_FULL' });
    expect((await fetch(`${collector.url}/readyz`)).status).toBe(503);
    expect(await collector.metric('gotrack_events_refused_total', { reason: 'queue_full' })).toBe(
      10,
    );

    await rmdir(workplace.path('data', 'broken'));
    await until(async () => (await post()).status === 202);
    expect((await fetch(`${collector.url}/readyz`)).status).toBe(200);
  });

  it.skipIf(!canMount())(
    'on a full file system: requests get 503, nothing answered is lost, and intake resumes once there is space',
    async () => {
      const ballast = workplace.path('small', 'ballast');
      await withSmallFileSystem(workplace.path('small'), async () => {
        const collector = await workplace.start({ QUEUE_PATH: workplace.path('small', 'queue') });
        const pixel = (id: string): Promise<Response> =>
          fetch(`${collector.url}/px.gif?event_id=${id}`);
        expect((await pixel('before')).status).toBe(200);

        await expect(appendFile(ballast, Buffer.alloc(300_000))).rejects.toThrow('ENOSPC');
        const acknowledged = ['before'];
        let answered = await pixel('0');
        for (let index = 1; answered.status === 200; index += 1) {
          acknowledged.push(`${index - 1}`);
          answered = await pixel(`${index}`);
        }
        expect(answered.status).toBe(503);
        expect(answered.headers.get('retry-after')).toMatch(/^[1-9]/);
        expect(await answered.json()).toMatchObject({ statusCode: 503, code: 'GT_DISK' });
        const ready = await fetch(`${collector.url}/readyz`);
        expect(ready.status).toBe(503);
        expect(await ready.json()).toMatchObject({ checks: { queue: 'failing' } });
        const explained = await fetch(`${collector.metricsUrl}/readyz`);
        expect(await explained.json()).toMatchObject({
          errors: { queue: expect.stringContaining('ENOSPC') as string },
        });
        expect(await collector.metric('gotrack_events_refused_total', { reason: 'disk' })).toBe(1);
        expect(await collector.metric('gotrack_queue_commit_errors_total')).toBeGreaterThan(0);

        await rm(ballast);
        await until(async () => (await fetch(`${collector.url}/readyz`)).status === 200);
        expect((await pixel('after')).status).toBe(200);
        await collector.drained();
        const delivered = (await workplace.logged()).map(({ event_id }) => event_id);
        expect(delivered).toEqual([...acknowledged, 'after']);
        expect(
          collector.log.filter((line) => line.includes('cannot be written, requests')),
        ).toHaveLength(1);
        expect(await collector.stop()).toBe(0);
      });
    },
  );
});
