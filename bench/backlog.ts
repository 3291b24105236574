// Measures what a large backlog costs: the intake's speed with it and without, the time to start, memory, the disk
// space that is given back, and the rate at which it drains, from the first tenth of it to the last.
import { mkdir, rmdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Collector, Workplace } from '../test/support/collector.js';
import { diskSpaceOf, residentBytes } from '../test/support/process-figures.js';
import { queueEvents } from './queue-events.js';
import { wrk } from './wrk.js';

const EVENTS = Number(process.env['BACKLOG_EVENTS'] ?? 2_000_000);
/** As beacons come: small batches, so that the queue holds many small blocks. */
const EVENTS_A_REQUEST = 20;
const ROUNDS = 4;
const SECONDS = 5;
const WARM_UP_SECONDS = 3;
const CONNECTIONS = 64;
const STARTS = 3;
const SAMPLE_MS = 100;
const MIB = 1_048_576;

const SETTINGS = { QUEUE_MAX_MB: '16384', SHUTDOWN_TIMEOUT_MS: '100' };
/** A directory there cannot be written to as a file, until it is removed. */
const BROKEN = ['data', 'events.ndjson'] as const;
/** For the peer whose sink works: its log files are of no interest here. */
const FEW_FILES = { LOG_BACKUPS: '1' };

/** About 400 bytes once it is stored. */
function event(n: number): object {
  const page = (n * 7) % 1000;
  return {
    event_id: `018f3c9e-7b1a-7000-8000-${String(n).padStart(12, '0')}`,
    type: 'pageview',
    url: { referrer: 'https://www.google.com/' },
    route: { domain: 'www.example.com', path: `/products/${page}`, title: `Product ${page}` },
    session: { visitor_id: `visitor-${n % 10_000}`, session_seq: n % 20 },
    props: { n, price: (n % 500) / 4, currency: 'EUR' },
  };
}

const mib = (bytes: number): string => (bytes / MIB).toFixed(0);
const queueOf = (workplace: Workplace): string => workplace.path('data', 'queue');

async function withWorkplaces(use: (places: readonly Workplace[]) => Promise<void>): Promise<void> {
  const places = [await Workplace.create(), await Workplace.create(), await Workplace.create()];
  try {
    await use(places);
  } finally {
    await Promise.all(places.map((place) => place.remove()));
  }
}

/** Runs the program with these settings, and ends it. */
async function running<T>(
  workplace: Workplace,
  environment: Record<string, string>,
  use: (collector: Collector) => Promise<T>,
): Promise<T> {
  const collector = await workplace.start({ ...SETTINGS, ...environment });
  try {
    return await use(collector);
  } finally {
    await collector.stop();
  }
}

/** @returns seconds from the spawn to the moment at which both addresses answer */
async function startTime(workplace: Workplace): Promise<number> {
  const startedAt = performance.now();
  return running(workplace, {}, () => Promise.resolve((performance.now() - startedAt) / 1000));
}

async function intake(collector: Collector, seconds: number): Promise<number> {
  const { requestsPerSecond, failures } = await wrk(collector.port, {
    connections: CONNECTIONS,
    seconds,
  });
  if (failures > 0) {
    throw new Error(`${failures} requests have failed`);
  }
  return requestsPerSecond;
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

/** The same load for each of them, one after the other, in rounds. */
async function compareIntake([full, down, healthy]: readonly Collector[]): Promise<void> {
  const all = [full, down, healthy] as readonly Collector[];
  for (const collector of all) {
    await intake(collector, WARM_UP_SECONDS);
  }
  console.log(
    '\n| round | with the backlog, requests/s | empty, same sink down | ratio | empty, sink up | ratio |' +
      '\n| --- | --- | --- | --- | --- | --- |',
  );
  for (let round = 1; round <= ROUNDS; round += 1) {
    const rates: number[] = [];
    // Not always the same one first: what another leaves behind for it is in the figures, too.
    for (const index of [0, 1, 2].map((n) => (n + round) % 3)) {
      rates[index] = await intake(all[index] as Collector, SECONDS);
      await sleep(500);
    }
    const [loaded = 0, empty = 0, working = 0] = rates;
    const row = [
      round,
      loaded.toFixed(0),
      empty.toFixed(0),
      percent(loaded / empty),
      working.toFixed(0),
      percent(loaded / working),
    ];
    console.log(`| ${row.join(' | ')} |`);
  }
}

interface Sample {
  readonly seconds: number;
  readonly left: number;
  readonly diskBytes: number;
  readonly residentBytes: number;
}

async function drain(workplace: Workplace, collector: Collector): Promise<Sample[]> {
  await rmdir(workplace.path(...BROKEN));
  const samples: Sample[] = [];
  const startedAt = performance.now();
  for (;;) {
    const left = await collector.metric('gotrack_queue_depth', { sink: 'log' });
    samples.push({
      seconds: (performance.now() - startedAt) / 1000,
      left,
      diskBytes: await diskSpaceOf(queueOf(workplace)),
      residentBytes: await residentBytes(collector.pid),
    });
    if (left === 0) {
      return samples;
    }
    await sleep(SAMPLE_MS);
  }
}

/** The lane may wait for up to 5 s before it tries its sink again: what comes before is not draining. */
function tenths(samples: readonly Sample[]): void {
  const begun = samples.findLastIndex(({ left }) => left === samples[0]?.left);
  const draining = samples.slice(Math.max(0, begun));
  const total = draining[0]?.left ?? 0;
  const at = (left: number): Sample => draining.find((sample) => sample.left <= left) as Sample;
  console.log(
    '\n| tenth | events/s | queue on disk at its end, MiB | RSS at most, MiB |\n| --- | --- | --- | --- |',
  );
  let from = draining[0] as Sample;
  for (let tenth = 1; tenth <= 10; tenth += 1) {
    const to = at(Math.round(total * (1 - tenth / 10)));
    const rate = (from.left - to.left) / (to.seconds - from.seconds);
    const within = draining.slice(draining.indexOf(from), draining.indexOf(to) + 1);
    const resident = Math.max(...within.map((sample) => sample.residentBytes));
    console.log(`| ${tenth} | ${rate.toFixed(0)} | ${mib(to.diskBytes)} | ${mib(resident)} |`);
    from = to;
  }
  const sizes = draining.map(({ diskBytes }) => diskBytes);
  const grew = sizes.filter((bytes, index) => bytes > (sizes[index - 1] ?? Infinity)).length;
  const steps = sizes.filter((bytes, index) => bytes < (sizes[index - 1] ?? 0)).length;
  console.log(
    `\n${samples.length} samples: the queue's directory shrank ${steps} times and grew ${grew} times`,
  );
}

async function measureStarts(full: Workplace, empty: Workplace): Promise<void> {
  const seconds: [number, number][] = [];
  for (let n = 0; n < STARTS; n += 1) {
    seconds.push([await startTime(full), await startTime(empty)]);
  }
  const list = (index: 0 | 1): string => seconds.map((pair) => pair[index].toFixed(2)).join(', ');
  console.log(`start, s: with the backlog ${list(0)}; empty ${list(1)}`);
}

export async function run(): Promise<void> {
  await withWorkplaces(async ([full, down, healthy]) => {
    const places = [full, down, healthy] as [Workplace, Workplace, Workplace];
    for (const place of places.slice(0, 2)) {
      await mkdir(place.path(...BROKEN), { recursive: true });
    }
    const startedAt = performance.now();
    await running(places[0], {}, (collector) =>
      queueEvents(collector, EVENTS, event, EVENTS_A_REQUEST),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    const bytes = await diskSpaceOf(queueOf(places[0]));
    console.log(
      `${EVENTS} events of ${(bytes / EVENTS).toFixed(0)} bytes queued in ${seconds.toFixed(0)} s: ${mib(bytes)} MiB; ` +
        `wrk -t1 -c${CONNECTIONS} -d${SECONDS}s\n`,
    );
    await running(places[1], {}, () => Promise.resolve());
    await measureStarts(places[0], places[1]);

    await running(places[0], {}, (loaded) =>
      running(places[1], {}, (empty) =>
        running(places[2], FEW_FILES, async (working) => {
          const all = [loaded, empty, working];
          await sleep(2000);
          const resident = await Promise.all(all.map(({ pid }) => residentBytes(pid)));
          const [a = 0, b = 0, c = 0] = resident.map(mib);
          console.log(
            `RSS after the start, MiB: with the backlog ${a}; empty ${b}; empty, sink up ${c}`,
          );
          await compareIntake(all);
        }),
      ),
    );
    await running(places[0], {}, async (collector) => {
      tenths(await drain(places[0], collector));
    });
  });
}
