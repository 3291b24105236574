import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  endTrace,
  hangingCalls,
  killedItself,
  NEVER,
  withHungDisk,
  withHungPaths,
} from '../support/disk/hung-disk.js';
import { canMount } from '../support/disk/mounts.js';
import { canTrace, Interference } from '../support/disk/syscall-trace.js';
import {
  type Collector,
  inParallel,
  promptly,
  until,
  Workplace,
} from '../support/servers/collector.js';
import { EventsTable } from '../support/servers/events-table.js';
import { sharedPostgres } from '../support/servers/shared-servers.js';
import { sendEvent } from '../support/servers/send-event.js';

const REQUESTS = 50;
const ATTEMPTS = 8;
/** Two signals are two when the first was taken before the second comes. */
const MOMENT_MS = 200;

const postgres = await sharedPostgres();

let workplace: Workplace;
let traced: Collector | undefined;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(async () => {
  if (traced) {
    endTrace(traced);
    traced = undefined;
  }
  await workplace.remove();
});

/** @returns the statuses other than 2xx */
async function refusals(collector: Collector, prefix: string): Promise<number[]> {
  const statuses: number[] = [];
  const tasks = Array.from({ length: REQUESTS }, (_, index) => async () => {
    const by = index % 2 === 0 ? 'pixel' : 'collect';
    statuses.push((await sendEvent(collector, `${prefix}-${index}.`, by)).status);
  });
  await inParallel(8, tasks);
  return statuses.filter((status) => status >= 300);
}

interface Ready {
  readonly checks: Readonly<Record<string, string>>;
  readonly errors: Readonly<Record<string, string>>;
}

async function readiness(collector: Collector): Promise<Ready> {
  return (await (await fetch(`${collector.metricsUrl}/readyz`)).json()) as Ready;
}

async function attemptsFailed(collector: Collector, sink: string, attempts: number): Promise<void> {
  await until(
    async () => (await collector.metric('gotrack_sink_errors_total', { sink })) >= attempts,
  );
}

/** A file that blocks who opens it for reading or for writing only. */
function makePipe(path: string): void {
  execFileSync('mkfifo', [path]);
}

/** Whether one of the program's threads has opened a pipe that nobody has at its other end. */
function waitsForPipe(collector: Collector): boolean {
  const tasks = `/proc/${collector.pid}/task`;
  return readdirSync(tasks).some((id) =>
    readFileSync(`${tasks}/${id}/wchan`, 'utf8').includes('wait_for_partner'),
  );
}

describe.skipIf(!canTrace)('a disk under LOG_PATH that hangs', () => {
  it('holds two threads, no request, no other sink, and not the end of the process', async () => {
    const trace = workplace.path('trace');
    const table = postgres && (await EventsTable.create(postgres, 'hung'));
    onTestFinished(() => table?.drop());
    const collector = await workplace.start(
      {
        ...(table && { OUTPUTS: 'log,postgres', PG_DSN: postgres.dsn, PG_TABLE: table.name }),
        LOG_PATH: 'hung/events.ndjson',
        SHUTDOWN_TIMEOUT_MS: '1000',
      },
      withHungDisk(workplace.path('hung'), ['events.ndjson', 'events.ndjson.lock'], trace),
    );
    traced = collector;
    expect(await refusals(collector, 'a')).toEqual([]);
    await attemptsFailed(collector, 'log', ATTEMPTS);
    expect(await refusals(collector, 'b')).toEqual([]);

    const { checks, errors } = await readiness(collector);
    expect(checks).toMatchObject({ queue: 'accepting', 'sink:log': 'down' });
    expect(errors['sink:log']).toMatch(/^the disk of LOG_PATH=.* has not answered for \d+ s$/);
    expect(await collector.metric('gotrack_sink_up', { sink: 'log' })).toBe(0);
    if (table) {
      await collector.drained('postgres');
      expect(await table.ids()).toHaveLength(2 * REQUESTS);
    }
    expect(hangingCalls(trace)).toBeGreaterThan(0);
    expect(hangingCalls(trace)).toBeLessThanOrEqual(2);

    collector.signal('SIGTERM');
    expect(await killedItself(collector)).toBe('SIGKILL');
    expect(collector.log.join('\n')).toContain(
      `the next start delivers what is left: ${2 * REQUESTS} event(s) of log`,
    );
  });

  it('holds the sink alone when only its locks hang', async () => {
    const lock = workplace.path('data', 'events.ndjson.lock');
    const collector = await workplace.start(
      { SHUTDOWN_TIMEOUT_MS: '1000' },
      withHungPaths([lock], workplace.path('trace'), 'fcntl'),
    );
    traced = collector;
    await attemptsFailed(collector, 'log', 3);
    expect(await refusals(collector, 'a')).toEqual([]);
    expect((await readiness(collector)).checks).toMatchObject({
      queue: 'accepting',
      'sink:log': 'down',
    });
    collector.signal('SIGTERM');
    expect(await killedItself(collector)).toBe('SIGKILL');
  });

  it('delivers each event once when it answers again', async () => {
    const collector = await workplace.start();
    expect(await refusals(collector, 'before')).toEqual([]);
    await collector.drained();
    const hang = await Interference.begin(
      collector.pid,
      'fdatasync',
      `delay_enter=${NEVER}`,
      workplace.path('trace'),
      [workplace.path('data', 'events.ndjson')],
    );
    traced = collector;
    expect(await refusals(collector, 'during')).toEqual([]);
    await attemptsFailed(collector, 'log', ATTEMPTS);
    expect((await readiness(collector)).checks['sink:log']).toBe('down');

    await hang.end();
    await collector.drained();
    await until(async () => (await readiness(collector)).checks['sink:log'] === 'up');
    expect(new Set((await workplace.logged()).map(({ event_id }) => event_id)).size).toBe(
      2 * REQUESTS,
    );
    expect(await workplace.logged()).toHaveLength(2 * REQUESTS);
    expect(await collector.stop()).toBe(0);
  });
});

describe('a disk under DEAD_LETTER_PATH that hangs', () => {
  it('holds no request whose events are invalid, and not the end of the process', async () => {
    await mkdir(workplace.path('data', 'dead-letters'), { recursive: true });
    makePipe(workplace.path('data', 'dead-letters', 'rejected.ndjson'));
    const collector = await workplace.start({ SHUTDOWN_TIMEOUT_MS: '1000' });
    const invalid = Array.from({ length: REQUESTS }, () => async () => {
      const response = await fetch(`${collector.url}/collect`, {
        method: 'POST',
        body: '{"type":17}',
      });
      expect(response.status).toBe(400);
    });
    await inParallel(8, invalid);
    await until(() => collector.log.some((line) => line.includes('are not kept for diagnosis')));
    await inParallel(8, invalid);
    expect(await refusals(collector, 'a')).toEqual([]);
    await collector.drained();

    collector.signal('SIGTERM');
    expect(await killedItself(collector)).toBe('SIGKILL');
    expect(await workplace.logged()).toHaveLength(REQUESTS);
  });

  it.skipIf(!postgres)('holds the lane that needs it, and nothing else', async () => {
    const table = await EventsTable.create(postgres!, 'hung');
    onTestFinished(() => table.drop());
    await table.refuseBad();
    await mkdir(workplace.path('data', 'dead-letters'), { recursive: true });
    makePipe(workplace.path('data', 'dead-letters', 'postgres.ndjson'));
    const collector = await workplace.start({
      OUTPUTS: 'log,postgres',
      PG_DSN: postgres!.dsn,
      PG_TABLE: table.name,
      SHUTDOWN_TIMEOUT_MS: '1000',
    });
    expect((await fetch(`${collector.url}/px.gif?bad=1`)).status).toBe(200);
    await until(async () => (await readiness(collector)).checks['sink:postgres'] === 'holding');
    expect(await refusals(collector, 'a')).toEqual([]);
    await collector.drained('log');

    const { checks, errors } = await readiness(collector);
    expect(checks).toMatchObject({ queue: 'accepting', 'sink:log': 'up' });
    expect(errors['sink:postgres']).toMatch(/the disk of DEAD_LETTER_PATH=.* has not answered/);
    collector.signal('SIGTERM');
    expect(await killedItself(collector)).toBe('SIGKILL');
  });
});

describe('a file of a secret whose disk hangs', () => {
  it('holds the sink that reads it, and nothing else', async () => {
    const file = workplace.path('dsn');
    await writeFile(file, 'postgres://127.0.0.1:1/nobody');
    const collector = await workplace.start({
      OUTPUTS: 'log,postgres',
      PG_DSN_FILE: file,
      SHUTDOWN_TIMEOUT_MS: '1000',
    });
    makePipe(`${file}.new`);
    await rename(`${file}.new`, file);
    await until(
      async () =>
        (await readiness(collector)).errors['sink:postgres']?.startsWith(
          'PG_DSN_FILE names a file that cannot be read: its disk has not answered for',
        ) ?? false,
    );
    expect(await refusals(collector, 'a')).toEqual([]);
    await collector.drained('log');
    collector.signal('SIGTERM');
    expect(await killedItself(collector)).toBe('SIGKILL');
  });
});

describe('a disk under QUEUE_PATH that hangs', () => {
  it.skipIf(!canTrace)('does not keep the process beyond its shutdown timeout', async () => {
    const collector = await workplace.start({ SHUTDOWN_TIMEOUT_MS: '1000' });
    const queue = workplace.path('data', 'queue');
    const segments = readdirSync(queue).filter((name) => name.endsWith('.segment'));
    const trace = workplace.path('trace');
    await Interference.begin(
      collector.pid,
      'fdatasync',
      `delay_enter=${NEVER}`,
      trace,
      segments.map((name) => join(queue, name)),
    );
    traced = collector;
    const answer = sendEvent(collector, 'a', 'pixel').catch((error: Error) => error);
    await until(() => hangingCalls(trace) > 0);
    collector.signal('SIGTERM');
    expect(await killedItself(collector)).toBe('SIGKILL');
    expect(await answer).not.toMatchObject({ status: 200 });
    expect(collector.log.at(-1)).toContain('the shutdown did not end within 6000 ms');
  });

  it('does not keep a process that is still starting', async () => {
    await mkdir(workplace.path('data', 'queue'), { recursive: true });
    makePipe(workplace.path('data', 'queue', 'format'));
    const collector = workplace.launch({ SHUTDOWN_TIMEOUT_MS: '1000' });
    await promptly(collector, () => collector.log.some((line) => line.includes('listens on')));
    collector.signal('SIGTERM');
    expect(await killedItself(collector)).toBe('SIGKILL');
  });

  it('does not keep a process from ending at once at a second signal', async () => {
    await mkdir(workplace.path('data', 'queue'), { recursive: true });
    makePipe(workplace.path('data', 'queue', 'format'));
    const collector = workplace.launch({ SHUTDOWN_TIMEOUT_MS: '600000' });
    await promptly(collector, () => collector.log.some((line) => line.includes('listens on')));
    await until(() => waitsForPipe(collector));
    collector.signal('SIGTERM');
    await sleep(MOMENT_MS);
    collector.signal('SIGINT');
    expect(await killedItself(collector)).toBe('SIGKILL');
  });
});

/** A resolver that takes questions and never answers; undefined where its port cannot be had. */
async function silentResolver(): Promise<string | undefined> {
  const address = `127.53.${1 + (process.pid % 250)}.1`;
  const socket = createSocket('udp4').on('message', () => undefined);
  try {
    socket.bind(53, address);
    await once(socket, 'listening');
  } catch {
    return undefined;
  }
  onTestFinished(() => void socket.close());
  return address;
}

describe.skipIf(!canMount())('a resolver that never answers', () => {
  it('holds the sinks whose names it is asked for, and not the end of the process', async (context) => {
    const resolver = await silentResolver();
    if (resolver === undefined) {
      return context.skip('port 53 cannot be had');
    }
    const configuration = workplace.path('resolv.conf');
    // As long as glibc allows: five times 30 s.
    await writeFile(configuration, `nameserver ${resolver}\noptions timeout:30 attempts:5\n`);
    const collector = await workplace.start(
      {
        OUTPUTS: 'log,postgres,kafka',
        PG_DSN: 'postgres://db.example.internal/events',
        KAFKA_BROKERS: Array.from({ length: 40 }, (_, index) => `broker${index}.internal`).join(),
        SHUTDOWN_TIMEOUT_MS: '1000',
      },
      [
        'unshare',
        '--mount',
        'sh',
        '-c',
        `mount --bind '${configuration}' /etc/resolv.conf && exec "$@"`,
        'sh',
      ],
    );
    await attemptsFailed(collector, 'postgres', ATTEMPTS);
    await attemptsFailed(collector, 'kafka', ATTEMPTS);
    expect(await refusals(collector, 'a')).toEqual([]);
    await collector.drained('log');

    const { checks, errors } = await readiness(collector);
    expect(checks).toMatchObject({
      'sink:log': 'up',
      'sink:postgres': 'down',
      'sink:kafka': 'down',
    });
    expect(errors['sink:postgres']).toMatch(
      /the look-up of db\.example\.internal has not answered/,
    );
    expect(errors['sink:kafka']).toMatch(/look-up/);
    collector.signal('SIGTERM');
    expect(await killedItself(collector)).toBe('SIGKILL');
    return undefined;
  });
});

describe('the threads for disks and look-ups', () => {
  it.each(['', '4', '40'])('are at least 32 with UV_THREADPOOL_SIZE=%s', async (size) => {
    const collector = await workplace.start(size === '' ? {} : { UV_THREADPOOL_SIZE: size });
    const tasks = `/proc/${collector.pid}/task`;
    const threads = readdirSync(tasks).filter((id) =>
      readFileSync(`${tasks}/${id}/comm`, 'utf8').startsWith('libuv-worker'),
    );
    expect(threads).toHaveLength(Math.max(32, Number(size)));
    expect(await collector.stop()).toBe(0);
  });
});
