import { createReadStream } from 'node:fs';
import { mkdir, readdir, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { balancedBooks } from '../support/load/books.js';
import { type Collector, inParallel, until, Workplace } from '../support/servers/collector.js';
import {
  bytesRead,
  diskSpaceOf,
  hasProcessFigures,
  residentBytes,
} from '../support/servers/process-figures.js';
import { runs } from './runs.js';

vi.setConfig({ testTimeout: runs(600_000, 1_200_000) });

const CLIENTS = 4;
const EVENTS_A_CLIENT = runs(12_500, 500_000);
const EVENTS = CLIENTS * EVENTS_A_CLIENT;
const EVENTS_A_REQUEST = 100;
/** So that there are many segments: each is a sixteenth of it, and at most 64 MiB. */
const SETTINGS = { QUEUE_MAX_MB: String(runs(64, 2048)), SHUTDOWN_TIMEOUT_MS: '200' };
/** Of a process that has just begun to work, memory grows by tens of MiB: a backlog has to be larger to be seen in it. */
const TELLS_IN_MEMORY = runs(0, 1) === 1;

let workplace: Workplace;
let empty: Workplace;

beforeEach(async () => {
  [workplace, empty] = [await Workplace.create(), await Workplace.create()];
  await breakLog(workplace);
  await breakLog(empty);
});

afterEach(() => Promise.all([workplace.remove(), empty.remove()]));

/** A directory stands where the log sink's file should be. */
const logFile = (place: Workplace): string => place.path('data', 'events.ndjson');
const breakLog = (place: Workplace): Promise<unknown> => mkdir(logFile(place), { recursive: true });

const queue = (): string => workplace.path('data', 'queue');

async function largestSegment(): Promise<number> {
  const names = (await readdir(queue())).filter((name) => name.endsWith('.segment'));
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(queue(), name))).size),
  );
  return Math.max(...sizes);
}

/** A page view of one client's, some 450 bytes once it is stored. */
const event = (client: number, n: number): object => ({
  event_id: `${client}-${n}`,
  type: 'pageview',
  url: { referrer: 'https://www.google.com/' },
  route: { domain: 'www.example.com', path: `/products/${n % 1000}`, title: `Product ${n % 1000}` },
  session: { visitor_id: `visitor-${n % 10_000}`, session_seq: n % 20 },
  props: { price: (n % 500) / 4, currency: 'EUR' },
});

/** Clients that send their events in order, each one request after the other. */
async function queueEvents(collector: Collector): Promise<void> {
  const client = async (name: number): Promise<void> => {
    for (let first = 0; first < EVENTS_A_CLIENT; first += EVENTS_A_REQUEST) {
      const events = Array.from({ length: EVENTS_A_REQUEST }, (_, n) => event(name, first + n));
      const response = await fetch(`${collector.url}/collect`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(events),
      });
      expect(await response.json()).toEqual({ status: 'ok', accepted: EVENTS_A_REQUEST });
    }
  };
  await inParallel(
    CLIENTS,
    Array.from({ length: CLIENTS }, (_, name) => () => client(name)),
  );
}

/** Reads the log files as they were written, and sees that each client's events are there once and in order. */
async function expectEachOnceInOrder(): Promise<void> {
  const data = workplace.path('data');
  const names = (await readdir(data)).filter((name) => /^events.*\.ndjson$/.test(name));
  const rotated = names.filter((name) => name !== 'events.ndjson').toSorted();
  const next = Array.from({ length: CLIENTS }, () => 0);
  for (const name of [...rotated, 'events.ndjson']) {
    for await (const line of createInterface({ input: createReadStream(join(data, name)) })) {
      const { event_id: id } = JSON.parse(line) as { event_id: string };
      const [client = 0, n = 0] = id.split('-').map(Number);
      if (n !== next[client]) {
        throw new Error(`${id} comes in ${name} where ${client}-${next[client]} should`);
      }
      next[client] = n + 1;
    }
  }
  expect(next).toEqual(Array.from({ length: CLIENTS }, () => EVENTS_A_CLIENT));
}

interface Sample {
  /** Of the backlog, at most: it was looked at first. */
  readonly left: number;
  readonly diskBytes: number;
  readonly residentBytes: number;
}

async function drain(collector: Collector): Promise<Sample[]> {
  await rmdir(logFile(workplace));
  const samples: Sample[] = [];
  let left: number;
  do {
    left = await collector.metric('gotrack_queue_depth');
    samples.push({
      left,
      diskBytes: await diskSpaceOf(queue()),
      residentBytes: await residentBytes(collector.pid),
    });
  } while (left > 0);
  return samples;
}

describe.skipIf(!hasProcessFigures)('a backlog', () => {
  it('is not read at start, not kept in memory, and gives the disk back as it drains, each event once and in order', async () => {
    const accepting = await workplace.start(SETTINGS);
    await queueEvents(accepting);
    await accepting.stop();
    const [backlogBytes, segmentBytes] = [await diskSpaceOf(queue()), await largestSegment()];
    expect(backlogBytes).toBeGreaterThan(4 * segmentBytes);

    const idle = await empty.start(SETTINGS);
    // Small batches, so that there is something to see while it drains.
    const collector = await workplace.start({ ...SETTINGS, BATCH_SIZE: String(runs(25, 500)) });
    for (const each of [idle, collector]) {
      await until(async () => (await each.metric('gotrack_sink_errors_total')) > 0);
    }
    const [readByIdle, read] = [await bytesRead(idle.pid), await bytesRead(collector.pid)];
    expect(read - readByIdle).toBeLessThan(2 * segmentBytes);
    const atRest = await residentBytes(idle.pid);
    for (let scrape = 0; scrape < 20; scrape += 1) {
      expect(await collector.metric('gotrack_queue_depth')).toBe(EVENTS);
    }
    expect((await bytesRead(collector.pid)) - read).toBeLessThan(segmentBytes);

    const samples = await drain(collector);
    const sizes = samples.map(({ diskBytes }) => diskBytes);
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(new Set(sizes).size).toBeGreaterThan(2);
    const eventBytes = backlogBytes / EVENTS;
    const late = samples.filter(
      ({ left, diskBytes }) => diskBytes > left * eventBytes + 2 * segmentBytes,
    );
    expect(late).toEqual([]);
    expect(await diskSpaceOf(queue())).toBeLessThan(1.5 * segmentBytes);
    if (TELLS_IN_MEMORY) {
      const grown = Math.max(...samples.map(({ residentBytes: bytes }) => bytes)) - atRest;
      expect(grown).toBeLessThan(backlogBytes / 3);
    }

    const { sinks } = await balancedBooks(collector);
    expect(sinks.get('log')).toMatchObject({ accepted: EVENTS, delivered: EVENTS, queued: 0 });
    expect(await collector.stop()).toBe(0);
    await expectEachOnceInOrder();
  });
});
