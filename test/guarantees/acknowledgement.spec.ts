import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { balancedBooks } from '../support/load/books.js';
import { type Collector, inParallel, until, Workplace } from '../support/servers/collector.js';
import { type Exchange, sendEvent } from '../support/servers/send-event.js';
import {
  canTrace,
  contentOf,
  Interference,
  isWrite,
  readTrace,
  subjectOf,
  traced,
} from '../support/disk/syscall-trace.js';

const REQUESTS = 120;
const SYNCS = 'fdatasync,fsync,msync';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

async function sendMany(collector: Collector, prefix: string): Promise<Exchange[]> {
  const exchanges: Exchange[] = [];
  const tasks = Array.from({ length: REQUESTS }, (_, index) => async () => {
    const by = index % 2 === 0 ? 'pixel' : 'collect';
    exchanges.push(await sendEvent(collector, `${prefix}-${index}.`, by));
  });
  await inParallel(8, tasks);
  return exchanges;
}

describe.skipIf(!canTrace)('an answer of 2xx', () => {
  it('leaves only after the sync of what it answers for has returned', async () => {
    const file = workplace.path('trace');
    const collector = await workplace.start(
      {},
      traced(file, ['fdatasync:delay_enter=20000', 'fsync:delay_enter=2000']),
    );
    const exchanges = await sendMany(collector, 'a');
    await collector.stop();

    const calls = await readTrace(file);
    const onSegments = calls.filter((call) => subjectOf(call).endsWith('.segment'));
    const syncs = onSegments.filter(({ name, result }) => name === 'fdatasync' && result === 0);
    expect(syncs.some(({ injected }) => injected)).toBe(true);
    const blocks = onSegments
      .filter(isWrite)
      .map((call) => ({ call, content: contentOf(call).toString('latin1') }));
    const answers = calls.filter(
      (call) => isWrite(call) && /^HTTP\/1\.1 20[02] /.test(contentOf(call).toString('latin1')),
    );

    expect(exchanges.map(({ status }) => status).filter((status) => status >= 300)).toEqual([]);
    for (const { id, clientPort } of exchanges) {
      const answer = answers.find((call) => subjectOf(call).endsWith(`:${clientPort}]`));
      const block = blocks.find(({ content }) => content.includes(id));
      const synced = syncs.find(
        (sync) =>
          sync.entered > (block?.call.returned ?? Infinity) &&
          sync.returned < (answer?.entered ?? 0) &&
          subjectOf(sync) === subjectOf(block?.call ?? sync),
      );
      expect(synced, `a sync between the block and the answer of ${id}`).toBeDefined();
    }
  });

  it('is not given while syncs fail; the program stays, says so, and recovers', async () => {
    const collector = await workplace.start();
    const before = await sendMany(collector, 'before');
    await collector.drained();
    const errorsBefore = await collector.metric('gotrack_queue_commit_errors_total');

    const interference = await Interference.begin(
      collector.pid,
      SYNCS,
      'error=EIO',
      workplace.path('trace'),
    );
    const during = await sendMany(collector, 'during');
    const readiness = await fetch(`${collector.url}/readyz`);
    const alive = await fetch(`${collector.url}/healthz`);
    const told = await fetch(`${collector.metricsUrl}/readyz`);
    const errors = await collector.metric('gotrack_queue_commit_errors_total');
    const injected = await interference.end();

    expect(injected.filter(({ result }) => result === -1).length).toBeGreaterThan(0);
    expect(new Set(during.map(({ status }) => status))).toEqual(new Set([503]));
    expect(during.every(({ retryAfter }) => Number(retryAfter) > 0)).toBe(true);
    expect(readiness.status).toBe(503);
    expect(alive.status).toBe(200);
    expect(await told.text()).toMatch(/EIO/);
    expect(errors).toBeGreaterThan(errorsBefore);

    await until(async () => (await fetch(`${collector.url}/readyz`)).status === 200);
    const after = await sendMany(collector, 'after');
    expect(after.filter(({ status }) => status >= 300)).toEqual([]);
    await collector.drained();
    const delivered = new Set((await workplace.logged()).map(({ event_id }) => event_id));
    expect([...before, ...after].filter(({ id }) => !delivered.has(id))).toEqual([]);
    const { sinks, endpoints } = await balancedBooks(collector);
    expect(sinks.get('log')).toMatchObject({ accepted: delivered.size, queued: 0 });
    const half = REQUESTS / 2;
    for (const endpoint of ['/px.gif', '/collect']) {
      expect(endpoints.get(endpoint)).toEqual({
        received: 3 * half,
        accepted: 2 * half,
        rejected: 0,
        refused: half,
      });
    }
    expect(await collector.stop()).toBe(0);
  });
});
