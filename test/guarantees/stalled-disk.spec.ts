import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { balancedBooks } from '../support/load/books.js';
import { canTrace, Interference } from '../support/disk/syscall-trace.js';
import { type Collector, Workplace } from '../support/servers/collector.js';
import { cpuSeconds } from '../support/servers/process-figures.js';

const SYNCS = 'fdatasync,fsync,msync';
/** Microseconds, ten minutes: the test ends it. */
const NO_SYNC = 'delay_enter=600000000';
/** What a container of 512 MiB has. */
const HEAP = '--max-old-space-size=256';
/** As much as is taken in at a time, in bodies of almost 1 MiB. */
const REQUESTS = 63;
const POLL_MS = 500;

const empty = (count: number): string => `${'{},'.repeat(count)}{}`;
/** One valid event, and so many invalid ones, each of which is a list of small things. */
const rejectedBody = (each: number, values: number): string =>
  `[{},${Array.from({ length: each }, () => `{"type":7,"props":{"a":[${empty(values)}]}}`).join(',')}]`;

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

/** The program closes a connection that it cannot answer for 30 s. */
const STALL_MS = 20_000;

/** Waits until the program has nothing more to do, or has ended, or the disk has stalled for long enough. */
async function idle(collector: Collector): Promise<void> {
  const latest = performance.now() + STALL_MS;
  for (let before = -1; collector.end === undefined && performance.now() < latest;) {
    const used = await cpuSeconds(collector.pid);
    if (used - before < 0.05) {
      return;
    }
    before = used;
    await sleep(POLL_MS);
  }
}

describe.skipIf(!canTrace)('requests that wait for a disk that stalls', () => {
  it.each([
    ['one invalid event that is far too large', 1, rejectedBody(1, 340_000)],
    ['many invalid events', 16, rejectedBody(16, 20_000)],
    ['small invalid events of many errors', 999, smallBody()],
  ])('fit into a small heap: %s beside a valid one', async (_, invalid, body) => {
    const collector = await workplace.start({ NODE_OPTIONS: HEAP });
    const interference = await Interference.begin(
      collector.pid,
      SYNCS,
      NO_SYNC,
      workplace.path('trace'),
    );
    const answers = Array.from({ length: REQUESTS }, () =>
      fetch(`${collector.url}/collect`, { method: 'POST', body }).then(async (response) => {
        const { accepted = 0 } = (await response.json()) as { accepted?: number };
        return { status: response.status, accepted };
      }),
    );
    await idle(collector);
    expect(collector.end, `the log: ${collector.log.join()}`).toBeUndefined();
    const alive = await fetch(`${collector.url}/healthz`);
    await interference.end();

    expect(alive.status).toBe(200);
    const taken = await Promise.all(answers);
    expect(taken).toEqual(Array.from({ length: REQUESTS }, () => ({ status: 202, accepted: 1 })));
    await collector.drained();
    const { endpoints } = await balancedBooks(collector);
    expect(endpoints.get('/collect')).toEqual({
      received: REQUESTS * (invalid + 1),
      accepted: REQUESTS,
      rejected: REQUESTS * invalid,
      refused: 0,
    });
    expect(await collector.stop()).toBe(0);
  });
});

function smallBody(): string {
  const wrong = ['ua', 'os', 'browser', 'language', 'tz', 'gpu'].map((name) => `"${name}":1`);
  const event = `{"device":{${wrong.join(',')}},"session":1,"route":1,"url":1,"type":1}`;
  return `[{},${Array.from({ length: 999 }, () => event).join(',')}]`;
}
