import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { balancedBooks } from '../support/load/books.js';
import { until, Workplace } from '../support/servers/collector.js';
import { Crowd } from '../support/load/crowd.js';
import { descriptorLimit } from '../support/servers/descriptors.js';
import { acceptedIds } from '../support/load/generate-load.js';
import { capacityOf, type Overload, overload } from '../support/load/overload.js';
import { describeOverload } from '../support/load/overload-figures.js';
import { canTrace, Interference } from '../support/disk/syscall-trace.js';
import { runs } from './runs.js';

const PIXEL = '/px.gif?e=load';
/** The queue lets so many appends wait while one block is being written. */
const MAX_WAITING = 8192;
/** Beyond it, the collector cuts a connection on which nothing moves: no answer comes later. */
const SERVER_LIMIT_MS = 30_000;
/** What a container of 1 GiB has. */
const HEAP = '--max-old-space-size=512';
/** What the block under way when syncs stop may hold, at most. */
const UNDER_WAY = 1000;
/** So many more than may wait that some have to be turned away. */
const CROWD = MAX_WAITING + UNDER_WAY + 3000;
/** Microseconds, ten minutes: the test ends it. */
const NO_SYNC = 'delay_enter=600000000';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

/** How often the log sink has each event whose id begins so; read by line, since there are many. */
async function deliveries(prefix: string): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const files = await readdir(workplace.path('data'));
  for (const file of files.filter((name) => name.startsWith('events'))) {
    const lines = createInterface({ input: createReadStream(workplace.path('data', file)) });
    for await (const line of lines) {
      const id = /^\{"event_id":"([^"]*)"/.exec(line)?.[1] ?? line;
      if (id.startsWith(prefix)) {
        found.set(id, (found.get(id) ?? 0) + 1);
      }
    }
  }
  return found;
}

function arrivalsOf({ load: { sent, turnedAway } }: Overload): number {
  return sent + turnedAway;
}

/** More came than it could take. */
function isMoreThanTaken(measured: Overload | undefined): boolean {
  return measured !== undefined && (measured.load.statuses['200'] ?? 0) < arrivalsOf(measured);
}

describe('twice the load that the collector can take', () => {
  it(
    'is answered 200 or 503 within bounds, loses nothing that was answered, and leaves no trace',
    { timeout: 600_000 },
    async () => {
      const collector = await workplace.start({ NODE_OPTIONS: HEAP });
      const target = { port: collector.port, target: PIXEL };
      await capacityOf(target, 2);
      const capacity = await capacityOf(target, runs(2, 10));

      let measured: Overload | undefined;
      // A busy machine may have been slower when it was measured than it is now.
      for (let factor = 2; factor <= 8 && !isMoreThanTaken(measured); factor *= 2) {
        const options = { capacity, factor, seconds: runs(4, 60), prefix: `x${factor}-` };
        measured = await overload(collector, PIXEL, options);
      }
      const { load, polls, prefix } = measured as Overload;
      console.log(describeOverload(measured as Overload));

      expect(isMoreThanTaken(measured)).toBe(true);
      expect(
        Object.keys(load.statuses).filter((status) => !['200', '503'].includes(status)),
      ).toEqual([]);
      expect(load.unanswered).toBe(0);
      for (const latencies of [load.latencies.accepted, load.latencies.opening]) {
        expect(Math.max(...latencies.map(([ms]) => ms))).toBeLessThan(SERVER_LIMIT_MS);
      }
      expect(polls.filter(({ status }) => status !== 200)).toEqual([]);
      expect(new Set(polls.map(({ path }) => path))).toEqual(new Set(['/metrics', '/healthz']));

      const accepted = acceptedIds(load, prefix);
      const delivered = await deliveries(prefix);
      expect(accepted.size).toBe(load.statuses['200']);
      expect([...accepted].filter((id) => !delivered.has(id))).toEqual([]);
      expect([...delivered].filter(([id, times]) => !accepted.has(id) || times !== 1)).toEqual([]);
      await balancedBooks(collector);
      expect(await collector.stop()).toBe(0);
    },
  );
});

describe.skipIf(!canTrace || descriptorLimit() < CROWD + 1000)(
  'requests that wait for a disk that does not sync',
  () => {
    it('are turned away with 503 beyond their bound, and the others answered once it does', async () => {
      const collector = await workplace.start({ NODE_OPTIONS: HEAP });
      const interference = await Interference.begin(
        collector.pid,
        'fdatasync',
        NO_SYNC,
        workplace.path('trace'),
      );
      // At once: the program closes what has said nothing for some seconds.
      const crowd = await Crowd.gather(collector.port, CROWD, (n) =>
        n % 2 === 0
          ? `GET /px.gif?event_id=wait-${n} HTTP/1.1\r\nHost: a\r\n\r\n`
          : postOf(`{"event_id":"wait-${n}"}`),
      );
      await until(() => crowd.withStatus('503').length >= CROWD - MAX_WAITING - UNDER_WAY);
      const asked = [
        `${collector.url}/healthz`,
        `${collector.metricsUrl}/healthz`,
        `${collector.metricsUrl}/metrics`,
      ];
      const answers = await Promise.all(asked.map((url) => fetch(url)));
      const refused = crowd.withStatus('503');
      const early = crowd.withStatus('200').length + crowd.withStatus('202').length;
      await interference.end();

      await until(() => crowd.answered === CROWD);
      const accepted = [...crowd.withStatus('200'), ...crowd.withStatus('202')];
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(early).toBe(0);
      expect(refused.filter((n) => !/\r\nretry-after: \d/i.test(crowd.answerOf(n)))).toEqual([]);
      expect(refused.filter((n) => !crowd.answerOf(n).includes('"GT_BUSY"'))).toEqual([]);
      expect(accepted.length).toBeGreaterThanOrEqual(MAX_WAITING);
      expect(accepted.length + crowd.withStatus('503').length).toBe(CROWD);

      const again = await fetch(`${collector.url}/px.gif?event_id=again`);
      expect(again.status).toBe(200);
      await collector.drained();
      const delivered = [...(await deliveries('wait-')).keys()];
      expect(new Set(delivered)).toEqual(new Set(accepted.map((n) => `wait-${n}`)));
      expect(delivered).toHaveLength(accepted.length);
      await balancedBooks(collector);
      crowd.leave();
    });
  },
);

function postOf(body: string): string {
  return `POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
