// Measures what a large backlog costs: the intake's speed with it and without, the time to start, memory, the disk
// space that is given back, and the rate at which it drains, from the first tenth of it to the last.
import { cp, mkdir, rmdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Collector, Workplace } from '../test/support/servers/collector.js';
import { cpuSeconds, diskSpaceOf, residentBytes } from '../test/support/servers/process-figures.js';
import { queueEvents } from './queue-events.js';
import { wrk } from './wrk.js';

const EVENTS = Number(process.env['BACKLOG_EVENTS'] ?? 2_000_000);
/** As beacons come: small batches, so that the queue holds many small blocks. */
const EVENTS_A_REQUEST = 20;
const ROUNDS = 6;
const SECONDS = 3;
const WARM_UP_SECONDS = 3;
const CONNECTIONS = 64;
const STARTS = 3;
const SAMPLE_MS = 100;
/** After a start. */
const SETTLE_MS = 2000;
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

interface Places {
  /** Figures for the backlog. */
  readonly full: Workplace;
  /** Its copy, which is drained: the same events in the same blocks, and nothing behind them. */
  readonly copy: Workplace;
  /** Figures for an empty queue whose sink is down as well. */
  readonly down: Workplace;
  /** Figures for an empty queue whose sink works. */
  readonly up: Workplace;
}

async function withPlaces(use: (places: Places) => Promise<void>): Promise<void> {
  const [full, copy, down, up] = [
    await Workplace.create(),
    await Workplace.create(),
    await Workplace.create(),
    await Workplace.create(),
  ];
  try {
    await use({ full, copy, down, up });
  } finally {
    await Promise.all([full, copy, down, up].map((place) => place.remove()));
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

interface Intake {
  readonly requests: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function intake({ port, pid }: Collector, seconds: number): Promise<Intake> {
  const before = await cpuSeconds(pid);
  const load = await wrk(port, { connections: CONNECTIONS, seconds });
  if (load.failures > 0) {
    throw new Error(`${load.failures} requests have failed`);
  }
  const { requests, requestsPerSecond } = load;
  const used = (await cpuSeconds(pid)) - before;
  return { requests, seconds: requests / requestsPerSecond, cpuSeconds: used };
}

const rateOf = ({ requests, seconds }: Intake): number => requests / seconds;
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

function sumOf(rounds: readonly Intake[]): Intake {
  return rounds.reduce((sum, round) => ({
    requests: sum.requests + round.requests,
    seconds: sum.seconds + round.seconds,
    cpuSeconds: sum.cpuSeconds + round.cpuSeconds,
  }));
}

function intakeRow(name: string, [loaded, empty, working]: readonly Intake[]): string {
  const [a, b, c] = [loaded, empty, working].map((each) => rateOf(each as Intake)) as [
    number,
    number,
    number,
  ];
  const cells = [name, a.toFixed(0), b.toFixed(0), percent(a / b), c.toFixed(0), percent(a / c)];
  return `| ${cells.join(' | ')} |`;
}

/** The same load for each of them, one after the other, in rounds: the machine's mood is in all of them. */
async function compareIntake(collectors: readonly Collector[]): Promise<void> {
  for (const collector of collectors) {
    await intake(collector, WARM_UP_SECONDS);
  }
  console.log(
    '\n| round | with the backlog, requests/s | empty, same sink down | ratio | empty, sink up | ratio |' +
      '\n| --- | --- | --- | --- | --- | --- |',
  );
  const rounds: Intake[][] = collectors.map(() => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    const row: Intake[] = [];
    // Not always the same one first: what it leaves behind for the next one is in the figures, too.
    for (const index of collectors.map((_, n) => (n + round) % collectors.length)) {
      row[index] = await intake(collectors[index] as Collector, SECONDS);
      rounds[index]?.push(row[index]);
    }
    console.log(intakeRow(String(round + 1), row));
  }
  const sums = rounds.map(sumOf);
  console.log(intakeRow('all', sums));
  const cpu = sums.map((sum) => `${((sum.cpuSeconds / sum.requests) * 1e6).toFixed(1)} µs`);
  console.log(`\nCPU a request: ${cpu.join(', ')}`);
}

interface Sample {
  readonly seconds: number;
  readonly left: number;
  readonly diskBytes: number;
  readonly residentBytes: number;
  readonly cpuSeconds: number;
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
      cpuSeconds: await cpuSeconds(collector.pid),
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
    '\n| tenth | events/s | CPU an event | queue on disk at its end, MiB | RSS at most, MiB |' +
      '\n| --- | --- | --- | --- | --- |',
  );
  let from = draining[0] as Sample;
  for (let tenth = 1; tenth <= 10; tenth += 1) {
    const to = at(Math.round(total * (1 - tenth / 10)));
    const events = from.left - to.left;
    if (events === 0) {
      throw new Error('the backlog is too small: a tenth of it went between two samples');
    }
    const rate = (events / (to.seconds - from.seconds)).toFixed(0);
    const cpu = (((to.cpuSeconds - from.cpuSeconds) / events) * 1e6).toFixed(1);
    const within = draining.slice(draining.indexOf(from), draining.indexOf(to) + 1);
    const resident = Math.max(...within.map((sample) => sample.residentBytes));
    console.log(`| ${tenth} | ${rate} | ${cpu} µs | ${mib(to.diskBytes)} | ${mib(resident)} |`);
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

async function queueBacklog({ full, copy }: Places): Promise<void> {
  const startedAt = performance.now();
  await running(full, {}, (collector) => queueEvents(collector, EVENTS, event, EVENTS_A_REQUEST));
  const seconds = (performance.now() - startedAt) / 1000;
  const bytes = await diskSpaceOf(queueOf(full));
  await cp(full.path('data'), copy.path('data'), { recursive: true });
  console.log(
    `${EVENTS} events of ${(bytes / EVENTS).toFixed(0)} bytes queued in ${seconds.toFixed(0)} s: ${mib(bytes)} MiB; ` +
      `wrk -t1 -c${CONNECTIONS} -d${SECONDS}s\n`,
  );
}

async function measureIntake({ full, down, up }: Places): Promise<void> {
  await running(full, {}, (loaded) =>
    running(down, {}, (empty) =>
      running(up, FEW_FILES, async (working) => {
        const all = [loaded, empty, working];
        await sleep(SETTLE_MS);
        const resident = await Promise.all(all.map(({ pid }) => residentBytes(pid)));
        const [a, b, c] = resident.map(mib);
        console.log(
          `RSS after the start, MiB: with the backlog ${a}; empty ${b}; empty, sink up ${c}`,
        );
        await compareIntake(all);
      }),
    ),
  );
}

export async function run(): Promise<void> {
  await withPlaces(async (places) => {
    await mkdir(places.full.path(...BROKEN), { recursive: true });
    await mkdir(places.down.path(...BROKEN), { recursive: true });
    await queueBacklog(places);
    await running(places.down, {}, () => Promise.resolve());
    await measureStarts(places.full, places.down);
    await measureIntake(places);
    await running(places.copy, {}, async (collector) =>
      tenths(await drain(places.copy, collector)),
    );
  });
}
