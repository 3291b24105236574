// Measures what a scrape costs the collector: for how long at most the event loop of the real program was held up
// while it was scraped, beside equally long times without a scrape. The machine's mood is in both. It is not in the
// processor time of the main thread, which bounds what a scrape itself can hold up.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Collector, Workplace } from '../test/support/servers/collector.js';
import { DEBUGGABLE, Debugger } from '../test/support/servers/debugger.js';
import { Load } from '../test/support/load/load.js';

const SCRAPES = 100;
/** Figures for a program that was just started: nothing of what a scrape runs is compiled yet. */
const FIRST_SCRAPES = 20;
/** Connections that send one event after the other: moderate, since each waits for its sync. */
const LOAD_WIDTH = 4;
/** Before the measurement: V8 compiles what is hot. */
const WARM_UP_SCRAPES = 20;
/** The interval of the timer that finds delays; what it finds is that much longer than the delay. */
const RESOLUTION_MS = 1;
/** What a scrape takes; so long is looked without one, too. */
const PAUSE_MS = 10;
/** After a start. */
const SETTLING_MS = 500;

/** The delays of the program's event loop. */
class Delays {
  private constructor(private readonly program: Debugger) {}

  static async of(program: Debugger): Promise<Delays> {
    await program.evaluate(
      `globalThis.delays = process.getBuiltinModule('perf_hooks').monitorEventLoopDelay({ resolution: ${RESOLUTION_MS} }); delays.enable()`,
    );
    return new Delays(program);
  }

  /** @returns the longest, in ms */
  async during(action: () => Promise<unknown>): Promise<number> {
    await this.program.evaluate('delays.reset()');
    await action();
    await sleep(PAUSE_MS);
    return (await this.program.evaluate<number>('delays.max')) / 1e6 - RESOLUTION_MS;
  }
}

/** Delays of the main thread, in ms. */
async function cpuOf(program: Debugger, action: () => Promise<unknown>): Promise<number> {
  const used = '(({ user, system }) => user + system)(process.threadCpuUsage())';
  const before = await program.evaluate<number>(used);
  await action();
  return ((await program.evaluate<number>(used)) - before) / 1000;
}

async function scrape({ metricsUrl }: Collector): Promise<number> {
  const response = await fetch(`${metricsUrl}/metrics`);
  const { byteLength } = await response.arrayBuffer();
  if (response.status !== 200) {
    throw new Error(`a scrape is answered ${response.status}`);
  }
  return byteLength;
}

async function row(
  name: string,
  measure: () => Promise<number>,
  times: number = SCRAPES,
): Promise<void> {
  const measured: number[] = [];
  for (let n = 0; n < times; n += 1) {
    measured.push(await measure());
  }
  const ordered = measured.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    (ordered[Math.ceil(share * ordered.length) - 1] ?? 0).toFixed(1);
  console.log(`| ${name} | ${at(0.5)} | ${at(0.9)} | ${at(0.99)} | ${at(1)} |`);
}

async function firstScrape(): Promise<number> {
  const workplace = await Workplace.create();
  try {
    const collector = await workplace.start(DEBUGGABLE);
    const program = await Debugger.attach(collector);
    const delays = await Delays.of(program);
    // What the start itself still does.
    await sleep(SETTLING_MS);
    const longest = await delays.during(() => scrape(collector));
    await program.close();
    return longest;
  } finally {
    await workplace.remove();
  }
}

export async function run(): Promise<void> {
  const workplace = await Workplace.create();
  try {
    const collector = await workplace.start(DEBUGGABLE);
    const program = await Debugger.attach(collector);
    const delays = await Delays.of(program);
    const nothing = (): Promise<void> => sleep(PAUSE_MS);
    for (let n = 0; n < WARM_UP_SCRAPES; n += 1) {
      await scrape(collector);
    }
    const kibibytes = Math.round((await scrape(collector)) / 1024);
    console.log(`${SCRAPES} scrapes of ${kibibytes} KiB; ms\n`);
    console.log('| | p50 | p90 | p99 | max |\n| --- | --- | --- | --- | --- |');
    await row('longest delay, first scrape', firstScrape, FIRST_SCRAPES);
    await row('longest delay, idle', () => delays.during(nothing));
    await row('longest delay, a scrape', () => delays.during(() => scrape(collector)));

    await row('CPU time, idle', () => cpuOf(program, nothing));
    await row('CPU time, a scrape', () => cpuOf(program, () => scrape(collector)));

    const load = new Load(collector.port, 'scrape');
    load.start(LOAD_WIDTH);
    await sleep(1000);
    await row('longest delay, load', () => delays.during(nothing));
    await row('longest delay, load and a scrape', () => delays.during(() => scrape(collector)));
    await load.stop();
    console.log(`\n${load.acknowledged.size} events accepted`);
    await program.close();
  } finally {
    await workplace.remove();
  }
}
