import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Ballast } from '../support/disk/ballast.js';
import { balancedBooks, type SinkBook } from '../support/load/books.js';
import {
  Clients,
  ENDPOINTS,
  type EventForm,
  idsOf,
  type Request,
} from '../support/load/clients.js';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { canMount, withSmallFileSystem } from '../support/disk/mounts.js';
import { EventsTable } from '../support/servers/events-table.js';
import { dsnWith, type PostgresServer } from '../support/servers/postgres-server.js';
import { sharedPostgres } from '../support/servers/shared-servers.js';
import { TcpProxy } from '../support/servers/tcp-proxy.js';
import { runs } from './runs.js';

/** Each thing is filled so often, one time after the other, in the same process. */
const ROUNDS = runs(2, 12);
const CLIENTS = 6;
vi.setConfig({ testTimeout: runs(600_000, 1_200_000) });

const postgres = await sharedPostgres();
afterAll(() => postgres?.stop());
const database = (): PostgresServer => postgres as PostgresServer;

let workplace: Workplace;
let table: EventsTable;
/** The way to PostgreSQL, which a test opens and closes. */
let way: TcpProxy;
let environment: Record<string, string>;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

/** Everything after this is about two sinks: the log, and PostgreSQL, which refuses events with `props.bad`. */
async function withTable(): Promise<void> {
  table = await EventsTable.create(database(), 'full');
  await table.refuseBad();
  way = new TcpProxy(database().address);
  await way.open();
  onTestFinished(async () => {
    await way.close();
    await table.drop();
  });
  environment = {
    OUTPUTS: 'log,postgres',
    PG_DSN: dsnWith(database().dsn, { port: way.port }),
    PG_TABLE: table.name,
    FLUSH_INTERVAL_MS: '20',
    PG_FLUSH_MS: '20',
    SHUTDOWN_TIMEOUT_MS: '300',
  };
}

/** A directory stands where the log sink's file should be; what the file held is kept. */
async function breakLog(directory = workplace.path('data')): Promise<void> {
  const path = join(directory, 'events.ndjson');
  await mkdir(directory, { recursive: true });
  await rename(path, join(directory, `events-${Date.now()}.ndjson`)).catch(() => undefined);
  await mkdir(path);
}

const mendLog = (directory = workplace.path('data')): Promise<void> =>
  rmdir(join(directory, 'events.ndjson'));

/** Until the log sink has its file: what takes its place before would be in its way. */
async function logIsUp(collector: Collector): Promise<Collector> {
  await until(async () => (await readiness(collector)).checks['sink:log'] === 'up');
  return collector;
}

async function readiness(
  collector: Collector,
): Promise<{ code: number; checks: Record<string, string>; errors: Record<string, string> }> {
  const told = await fetch(`${collector.url}/readyz`);
  const explained = await fetch(`${collector.metricsUrl}/readyz`);
  const { checks } = (await told.json()) as { checks: Record<string, string> };
  const { errors = {} } = (await explained.json()) as { errors?: Record<string, string> };
  return { code: told.status, checks, errors };
}

const statIfThere = (path: string): Promise<unknown> => stat(path).catch(() => undefined);

const ledger = (collector: Collector, sink: string, state: keyof SinkBook): Promise<number> =>
  collector.metric('gotrack_ledger_events', { sink, state });

async function drained(collector: Collector, sinks: readonly string[]): Promise<void> {
  for (const sink of sinks) {
    await collector.drained(sink);
  }
}

/** The lines of a file; fails on one that is not whole. */
async function linesOf(path: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return '';
    }
    throw error;
  });
  expect(text === '' || text.endsWith('\n'), `${path} ends with a whole line`).toBe(true);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const idsInLog = async (): Promise<string[]> =>
  (await workplace.logged()).map(({ event_id }) => event_id);

const idsInFile = async (path: string): Promise<string[]> =>
  (await linesOf(path)).map((line) => line['event_id'] as string);

const deadLetterFile = (): string => workplace.path('data', 'dead-letters', 'postgres.ndjson');

async function idsInDeadLetters(path = deadLetterFile()): Promise<string[]> {
  return (await linesOf(path)).map(({ event }) => (event as { event_id: string }).event_id);
}

/** Each id as often as it was accepted, and no other one; of a difference, what is too few and too many. */
function expectExactly(found: readonly string[], accepted: readonly string[]): void {
  const times = new Map<string, number>();
  for (const id of accepted) {
    times.set(id, (times.get(id) ?? 0) + 1);
  }
  for (const id of found) {
    times.set(id, (times.get(id) ?? 0) - 1);
  }
  const missing = [...times].filter(([, count]) => count > 0).map(([id]) => id);
  const tooMany = [...times].filter(([, count]) => count < 0).map(([id]) => id);
  expect({ missing, tooMany }).toEqual({ missing: [], tooMany: [] });
  expect(accepted.length).toBeGreaterThan(0);
}

/** That the program's books balance, and tell what these clients of this process saw. */
async function expectBooks(
  collector: Collector,
  clients: Clients,
  acceptedBefore = 0,
): Promise<ReadonlyMap<string, SinkBook>> {
  const { sinks, endpoints } = await balancedBooks(collector);
  const of = (endpoint: string, requests: readonly Request[]): number =>
    idsOf(requests.filter((request) => request.endpoint === endpoint)).length;
  for (const endpoint of ENDPOINTS) {
    expect(endpoints.get(endpoint), `what ${endpoint} got`).toMatchObject({
      received: of(endpoint, clients.requests),
      accepted: of(endpoint, clients.accepted),
      refused: of(endpoint, clients.refused),
    });
  }
  for (const book of sinks.values()) {
    expect(book.accepted).toBe(acceptedBefore + idsOf(clients.accepted).length);
  }
  return sinks;
}

/** In the middle of a load, when requests are open and the endpoints' books cannot balance yet. */
async function balancedSinks(collector: Collector): Promise<ReadonlyMap<string, SinkBook>> {
  const { sinks } = await vi.waitFor(() => balancedBooks(collector));
  return sinks;
}

/** That there were refusals on both endpoints, and that each was told as one that may be tried again. */
function expectRefusals(clients: Clients, code: string): void {
  for (const endpoint of ENDPOINTS) {
    expect(clients.refused.some((request) => request.endpoint === endpoint)).toBe(true);
  }
  expect(new Set(clients.refused.map((refused) => refused.code))).toEqual(new Set([code]));
  expect(clients.refused.every(({ retryAfter }) => Number(retryAfter) > 0)).toBe(true);
  expect(clients.accepted.length + clients.refused.length).toBe(clients.requests.length);
}

/** Until both endpoints have taken so many more requests. */
async function acceptsMore(clients: Clients, more = 20): Promise<void> {
  const of = (endpoint: string): number =>
    clients.accepted.filter((request) => request.endpoint === endpoint).length;
  const before = ENDPOINTS.map(of);
  await until(() => ENDPOINTS.every((endpoint, at) => of(endpoint) >= (before[at] ?? 0) + more));
}

/** Until not one of many requests in a row is taken: a commit that was under way may leave a little room. */
async function acceptsNothing(clients: Clients): Promise<void> {
  let [accepted, refused] = [-1, 0];
  await until(() => {
    if (clients.accepted.length > accepted) {
      [accepted, refused] = [clients.accepted.length, clients.refused.length];
    }
    return clients.refused.length > refused + 50;
  });
}

const newClients = (collector: Collector, form: EventForm): Clients => {
  const clients = new Clients(collector.port, randomUUID().slice(0, 8), form);
  onTestFinished(() => clients.stop());
  return clients;
};

describe.skipIf(!postgres)('a queue at its bound', () => {
  beforeEach(withTable);

  it('refuses while sinks drain on, and takes events again by itself', async () => {
    const collector = await logIsUp(await workplace.start({ ...environment, QUEUE_MAX_MB: '1' }));
    const clients = newClients(collector, { textBytes: 4000 });
    for (let round = 0; round < ROUNDS; round += 1) {
      await breakLog();
      await way.close();
      clients.start(CLIENTS);
      await until(() => clients.onlyRefused);
      expect(await readiness(collector)).toMatchObject({ code: 503, checks: { queue: 'full' } });

      expect(await ledger(collector, 'log', 'queued')).toBeGreaterThan(0);
      await mendLog();
      await collector.drained('log');
      await acceptsNothing(clients);
      await collector.drained('log');
      expect(await ledger(collector, 'postgres', 'queued')).toBeGreaterThan(0);

      await way.open();
      await acceptsMore(clients);
      await until(async () => (await readiness(collector)).code === 200);
      await clients.stop();
      await drained(collector, ['log', 'postgres']);

      expectRefusals(clients, 'GT_QUEUE_FULL');
      await expectBooks(collector, clients);
      expectExactly(await idsInLog(), idsOf(clients.accepted));
      expectExactly(await table.ids(), idsOf(clients.accepted));
    }
    const told = collector.log.filter((line) => line.includes('has reached QUEUE_MAX_MB'));
    expect(told.length).toBeGreaterThanOrEqual(ROUNDS);
    expect(await collector.stop()).toBe(0);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'says so at once after %s and a restart, and loses nothing',
    async (signal) => {
      await breakLog();
      await way.close();
      const settings = { ...environment, QUEUE_MAX_MB: '1' };
      const first = await workplace.start(settings);
      const before = newClients(first, { textBytes: 4000 });
      before.start(CLIENTS);
      await acceptsNothing(before);
      await before.stop();
      await first.stop(signal);

      const second = await workplace.start(settings);
      expect(await readiness(second)).toMatchObject({ code: 503, checks: { queue: 'full' } });
      const after = newClients(second, { textBytes: 4000 });
      after.start(CLIENTS);
      await until(() => after.onlyRefused);
      expect(after.accepted).toEqual([]);
      const kept = idsOf(before.accepted);
      expect((await balancedBooks(second)).sinks.get('log')).toMatchObject({ queued: kept.length });

      await mendLog();
      await way.open();
      await acceptsMore(after);
      await after.stop();
      await drained(second, ['log', 'postgres']);
      await expectBooks(second, after, kept.length);
      const all = [...kept, ...idsOf(after.accepted)];
      expectExactly(await idsInLog(), all);
      expectExactly(await table.ids(), all);
    },
  );
});

describe.skipIf(!canMount())('a queue on a full file system', () => {
  it('refuses while its sink drains on, which may be what gives the space back', async () => {
    await withSmallFileSystem(
      workplace.path('small'),
      async () => {
        const collector = await workplace.start({
          QUEUE_PATH: workplace.path('small', 'queue'),
          FLUSH_INTERVAL_MS: '20',
        });
        const clients = newClients(collector, { textBytes: 1000 });
        const isRefusing = async (): Promise<void> => {
          await until(() => clients.onlyRefused);
          // What a failed append gives back of the space lets it try once more, and be ready until it fails.
          await vi.waitFor(async () => {
            expect(await readiness(collector)).toMatchObject({
              code: 503,
              checks: { queue: 'failing' },
              errors: { queue: expect.stringContaining('ENOSPC') as string },
            });
          });
        };
        const isRight = async (): Promise<void> => {
          await until(async () => (await readiness(collector)).code === 200);
          await clients.stop();
          await collector.drained();
          expectRefusals(clients, 'GT_DISK');
          await expectBooks(collector, clients);
          expectExactly(await idsInLog(), idsOf(clients.accepted));
        };

        for (let round = 0; round < ROUNDS; round += 1) {
          // The backlog fills it.
          await breakLog();
          clients.start(CLIENTS);
          await isRefusing();
          expect(await collector.metric('gotrack_queue_depth')).toBeGreaterThan(50);
          await mendLog();
          await acceptsMore(clients);
          await isRight();

          // Somebody else fills it.
          await breakLog();
          clients.start(CLIENTS);
          await acceptsMore(clients, 2);
          const ballast = await Ballast.fill(workplace.path('small', 'ballast'));
          await isRefusing();
          expect(await collector.metric('gotrack_queue_depth')).toBeGreaterThan(0);
          await mendLog();
          await collector.drained();
          await acceptsNothing(clients);
          await ballast.remove();
          await acceptsMore(clients);
          await isRight();
        }
        expect(await collector.metric('gotrack_queue_commit_errors_total')).toBeGreaterThan(0);
        expect(await collector.stop()).toBe(0);
      },
      1024,
    );
  });
});

describe.skipIf(!postgres)('dead letters at their bound', () => {
  const BOUND = 'DEAD_LETTER_MAX_MB';
  /** Three quarters of a MiB hold 25 of those that are refused; so many more come while the lane holds as fit again afterwards. */
  const FORM = { textBytes: 30_000, badEach: 5 };
  const TOO_MANY = 28;
  const FEW_CLIENTS = 2;
  /** Of three ways out each. */
  const rounds = runs(1, 6);
  const BATCH = 20;
  const settings = (): Record<string, string> => ({
    ...environment,
    DEAD_LETTER_MAX_MB: '1',
    PG_BATCH_SIZE: String(BATCH),
  });

  beforeEach(withTable);

  async function ask(request: 'replay' | 'purge'): Promise<void> {
    const sure = request === 'purge' ? ['--yes'] : [];
    const asked = await workplace.run(['dead-letters', request, 'postgres', ...sure], settings());
    expect(asked).toMatchObject({ exitCode: 0, stderr: '' });
    expect(asked.stdout).not.toContain('no collector has taken');
  }

  /** Until so many events are refused that the lane holds. */
  async function overfill(clients: Clients): Promise<void> {
    const badBefore = clients.bad.size;
    clients.start(FEW_CLIENTS);
    await until(() => clients.bad.size >= badBefore + TOO_MANY);
    await clients.stop();
  }

  /** The lane says why it holds, and nothing else is the worse for it. */
  async function holds(collector: Collector): Promise<void> {
    await until(async () => (await readiness(collector)).checks['sink:postgres'] === 'holding');
    const held = await readiness(collector);
    expect(held).toMatchObject({ code: 200, checks: { 'sink:log': 'up', queue: 'accepting' } });
    expect(held.errors['sink:postgres']).toContain(BOUND);
  }

  it('hold their lane and nothing else, which goes on once they are purged, replayed or taken away', async () => {
    const collector = await workplace.start(settings());
    const clients = newClients(collector, FORM);
    const gone: string[] = [];
    const takeAway = async (): Promise<void> => {
      const path = workplace.path(`taken-${gone.length}.ndjson`);
      await rename(deadLetterFile(), path);
      gone.push(...(await idsInDeadLetters(path)));
    };
    const waysOut = {
      purge: async () => {
        gone.push(...(await idsInDeadLetters()));
        await ask('purge');
      },
      takeAway,
      replay: async () => {
        await table.takeBad();
        await ask('replay');
      },
    };

    for (let round = 0; round < rounds; round += 1) {
      for (const goOn of Object.values(waysOut)) {
        await overfill(clients);
        await holds(collector);
        const before = (await expectBooks(collector, clients)).get('postgres');

        clients.start(FEW_CLIENTS);
        await acceptsMore(clients, 5);
        await clients.stop();
        await collector.drained('log');
        expectExactly(await idsInLog(), idsOf(clients.accepted));
        const during = (await expectBooks(collector, clients)).get('postgres');
        expect(during?.queued).toBeGreaterThan(before?.queued ?? Infinity);
        expect({ ...during, accepted: 0, queued: 0 }).toEqual({
          ...before,
          accepted: 0,
          queued: 0,
        });
        expect((await idsInDeadLetters()).length).toBeGreaterThan(TOO_MANY / 2);
        expect((await stat(deadLetterFile())).size).toBeLessThanOrEqual(0.75 * 1_048_576);

        await goOn();
        await collector.drained('postgres');
        await until(async () => (await ledger(collector, 'postgres', 'queued')) === 0);
        expect((await readiness(collector)).checks['sink:postgres']).toBe('up');
        const after = (await expectBooks(collector, clients)).get('postgres');
        const [delivered, left] = [await table.ids(), await idsInDeadLetters()];
        expect(after?.delivered).toBe(delivered.length);
        expectExactly([...delivered, ...left, ...gone], idsOf(clients.accepted));
        expect(clients.refused).toEqual([]);
        if (goOn === waysOut.replay) {
          await table.refuseBad();
        }
        await waysOut.purge();
      }
    }
    const told = collector.log.filter((line) => line.includes(BOUND));
    expect(told).toHaveLength(3 * rounds);
    expect(told.every((line) => line.includes('holds, its events stay queued'))).toBe(true);
    expect(await collector.stop()).toBe(0);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'hold their lane again after %s and a restart, and nothing is lost',
    async (signal) => {
      const first = await workplace.start(settings());
      const before = newClients(first, FORM);
      await overfill(before);
      await holds(first);
      await first.drained('log');
      await first.stop(signal);

      const second = await workplace.start(settings());
      await holds(second);
      const after = newClients(second, FORM);
      after.start(FEW_CLIENTS);
      await acceptsMore(after, 5);
      await after.stop();
      await second.drained('log');
      const purged = await idsInDeadLetters();
      await ask('purge');
      await second.drained('postgres');

      const kept = idsOf(before.accepted);
      await expectBooks(second, after, kept.length);
      const all = [...kept, ...idsOf(after.accepted)];
      const letters = [...purged, ...(await idsInDeadLetters())];
      expectExactly([...(await table.ids()), ...new Set(letters)], all);
      // What was not committed of the batch in hand is refused once more.
      expect(letters.length - new Set(letters).size).toBeLessThanOrEqual(BATCH);
      expectExactly(await idsInLog(), all);
    },
  );
});

describe.skipIf(!postgres || !canMount())('dead letters on a full file system', () => {
  beforeEach(withTable);

  it('hold their lane and nothing else until there is space', async () => {
    await withSmallFileSystem(
      workplace.path('small'),
      async () => {
        const directory = workplace.path('small', 'dead-letters');
        const file = join(directory, 'postgres.ndjson');
        const settings = { ...environment, DEAD_LETTER_PATH: directory };
        const collector = await workplace.start(settings);
        const clients = newClients(collector, { textBytes: 2000, badEach: 5 });
        for (let round = 0; round < ROUNDS; round += 1) {
          clients.start(CLIENTS);
          await acceptsMore(clients, 10);
          const ballast = await Ballast.fill(workplace.path('small', 'ballast'));
          await until(
            async () => (await readiness(collector)).checks['sink:postgres'] === 'holding',
          );
          const held = await readiness(collector);
          expect(held).toMatchObject({
            code: 200,
            checks: { 'sink:log': 'up', queue: 'accepting' },
          });
          expect(held.errors['sink:postgres']).toMatch(/dead letters cannot be written: ENOSPC/);
          const before = (await balancedSinks(collector)).get('postgres');
          await acceptsMore(clients, 10);
          await clients.stop();
          const invalid = await fetch(`${collector.url}/collect`, {
            method: 'POST',
            body: '{"type":7}',
          });
          expect(invalid.status).toBe(400);
          await collector.drained('log');
          const during = (await balancedSinks(collector)).get('postgres');
          expect({ ...during, accepted: 0, queued: 0 }).toEqual({
            ...before,
            accepted: 0,
            queued: 0,
          });

          await ballast.remove();
          await collector.drained('postgres');
          const after = (await balancedSinks(collector)).get('postgres');
          const [delivered, letters] = [await table.ids(), await idsInDeadLetters(file)];
          expect(after).toMatchObject({
            delivered: delivered.length,
            dead_lettered: letters.length,
          });
          expectExactly([...delivered, ...letters], idsOf(clients.accepted));
          expectExactly(await idsInLog(), idsOf(clients.accepted));
          expect(clients.refused).toEqual([]);
        }
        const told = collector.log.filter((line) => line.includes('holds, its events stay queued'));
        expect(told).toHaveLength(ROUNDS);
        expect(await collector.stop()).toBe(0);
      },
      4096,
    );
  });
});

describe.skipIf(!postgres || !canMount())('the log on a full file system', () => {
  beforeEach(withTable);

  it('is tried again until there is space, holds only whole lines, and each event once', async () => {
    await withSmallFileSystem(
      workplace.path('small'),
      async () => {
        const [file, moved] = [
          workplace.path('small', 'log.ndjson'),
          workplace.path('small', 'old'),
        ];
        const collector = await workplace.start({ ...environment, LOG_PATH: file });
        const clients = newClients(collector, { textBytes: 1000 });
        const elsewhere: string[] = [];
        const diskErrors = (): Promise<number> =>
          collector.metric('gotrack_sink_errors_total', { sink: 'log', error_type: 'disk' });
        /** A batch that is under way may be there in part. */
        const idsInWholeLines = (path: string): Promise<string[]> =>
          vi.waitFor(() => idsInFile(path));
        for (let round = 0; round < ROUNDS; round += 1) {
          clients.start(CLIENTS);
          await acceptsMore(clients, 10);
          const errorsBefore = await diskErrors();
          const ballast = await Ballast.fill(workplace.path('small', 'ballast'));
          await until(async () => (await readiness(collector)).checks['sink:log'] === 'down');
          const down = await readiness(collector);
          expect(down).toMatchObject({ code: 200, checks: { 'sink:postgres': 'up' } });
          expect(down.errors['sink:log']).toContain('ENOSPC');
          expect(await diskErrors()).toBeGreaterThan(errorsBefore);
          await acceptsMore(clients, 10);
          await clients.stop();
          await collector.drained('postgres');
          const queued = await ledger(collector, 'log', 'queued');
          expect(queued).toBeGreaterThan(0);
          const confirmed = idsOf(clients.accepted).length - queued;
          expect([...elsewhere, ...(await idsInWholeLines(file))]).toHaveLength(confirmed);

          if (round % 2 === 0) {
            await ballast.remove();
          } else {
            // As logrotate would: moved first, then taken away.
            await rename(file, moved);
            await until(async () => (await statIfThere(file)) !== undefined);
            elsewhere.push(...(await idsInWholeLines(moved)));
            await rm(moved);
            await ballast.remove();
          }
          await collector.drained('log');
          expectExactly([...elsewhere, ...(await idsInFile(file))], idsOf(clients.accepted));
          expectExactly(await table.ids(), idsOf(clients.accepted));
          expect(clients.refused).toEqual([]);
          await expectBooks(collector, clients);
        }
        expect(await collector.metric('gotrack_sink_errors_total')).toBe(await diskErrors());
        expect(await collector.stop()).toBe(0);
      },
      8192,
    );
  });
});

describe.skipIf(!postgres || !canMount())('one full file system for everything', () => {
  const KIBIBYTES = 64 * 1024;
  const FORM = { textBytes: 1000, badEach: 5 };
  const ballastFile = (): string => workplace.path('data', 'ballast');

  beforeEach(withTable);

  /** Has something queued for both sinks, then fills the disk, and lets the sinks try. */
  async function fill(clients: Clients): Promise<Ballast> {
    await breakLog();
    await way.close();
    clients.start(CLIENTS);
    await acceptsMore(clients, 15);
    const ballast = await Ballast.fill(ballastFile());
    await until(() => clients.onlyRefused);
    await mendLog();
    await way.open();
    return ballast;
  }

  /** Until the queue, the log and the dead letters all say that there is no space. */
  async function allAreFull(collector: Collector): Promise<void> {
    await until(async () => {
      const { checks, errors } = await readiness(collector);
      return (
        checks['queue'] === 'failing' &&
        checks['sink:log'] === 'down' &&
        checks['sink:postgres'] === 'holding' &&
        ['queue', 'sink:log', 'sink:postgres'].every((name) => errors[name]?.includes('ENOSPC'))
      );
    });
  }

  async function goesOn(collector: Collector, clients: Clients): Promise<void> {
    await acceptsMore(clients);
    await until(async () => (await readiness(collector)).code === 200);
    await clients.stop();
    await drained(collector, ['log', 'postgres']);
    const { checks } = await readiness(collector);
    expect(checks).toEqual({
      process: 'running',
      queue: 'accepting',
      'sink:log': 'up',
      'sink:postgres': 'up',
    });
    expectRefusals(clients, 'GT_DISK');
  }

  it('stops everything until there is space, and then everything goes on', async () => {
    await withSmallFileSystem(
      workplace.path('data'),
      async () => {
        const collector = await logIsUp(await workplace.start(environment));
        const clients = newClients(collector, FORM);
        for (let round = 0; round < ROUNDS; round += 1) {
          const ballast = await fill(clients);
          await allAreFull(collector);
          await ballast.remove();
          await goesOn(collector, clients);

          const book = (await expectBooks(collector, clients)).get('postgres');
          const [delivered, letters] = [await table.ids(), await idsInDeadLetters()];
          expect(book).toMatchObject({
            delivered: delivered.length,
            dead_lettered: letters.length,
          });
          const accepted = idsOf(clients.accepted);
          expect(letters.toSorted()).toEqual(
            accepted.filter((id) => clients.bad.has(id)).toSorted(),
          );
          expectExactly([...delivered, ...letters], accepted);
          expectExactly(await idsInLog(), accepted);
        }
        expect(await collector.stop()).toBe(0);
      },
      KIBIBYTES,
    );
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'lets the program start again after %s, and loses nothing',
    async (signal) => {
      await withSmallFileSystem(
        workplace.path('data'),
        async () => {
          const first = await logIsUp(await workplace.start(environment));
          const before = newClients(first, FORM);
          const ballast = await fill(before);
          await allAreFull(first);
          await before.stop();
          const code = await first.stop(signal);
          expect(code).toBe(signal === 'SIGTERM' ? 0 : null);
          const kept = idsOf(before.accepted);

          const second = await workplace.start(environment);
          const after = newClients(second, FORM);
          after.start(CLIENTS);
          await allAreFull(second);
          await ballast.remove();
          await goesOn(second, after);

          const book = (await expectBooks(second, after, kept.length)).get('postgres');
          const all = [...kept, ...idsOf(after.accepted)];
          const [delivered, letters] = [await table.ids(), await idsInDeadLetters()];
          expect(book).toMatchObject({
            delivered: delivered.length,
            dead_lettered: letters.length,
          });
          expectExactly([...delivered, ...letters], all);
          expectExactly(await idsInLog(), all);
        },
        KIBIBYTES,
      );
    },
  );
});
