// Measures what a scrape costs the collector: how long a scrape takes, and how long other requests wait while
// there are scrapes. A scrape cannot block the process for longer than it takes, so its time is the upper bound.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Collector, Workplace } from '../test/support/collector.js';
import { Load } from '../test/support/load.js';

const SCRAPES = 100;
/** Far more often than any Prometheus does. */
const SCRAPE_EVERY_MS = 50;
/** Connections that send one event after the other: moderate, since each waits for its sync. */
const LOAD_WIDTH = 4;
/** Before the measurement: V8 compiles what is hot. */
const WARM_UP_SCRAPES = 20;

async function msOf(url: string): Promise<number> {
  const startedAt = performance.now();
  const response = await fetch(url);
  await response.arrayBuffer();
  if (response.status !== 200) {
    throw new Error(`${url} answers ${response.status}`);
  }
  return performance.now() - startedAt;
}

/** One after the other, in equal distances. */
async function times(url: string, count: number): Promise<number[]> {
  const measured: number[] = [];
  for (let n = 0; n < count; n += 1) {
    measured.push(await msOf(url));
    await sleep(SCRAPE_EVERY_MS);
  }
  return measured;
}

/** What others feel: the longest of the answers that came while there were scrapes. */
async function both(collector: Collector): Promise<{ scrapes: number[]; others: number[] }> {
  const others: number[] = [];
  const scrapes: number[] = [];
  for (let n = 0; n < SCRAPES; n += 1) {
    const [scrape, other] = await Promise.all([
      msOf(`${collector.metricsUrl}/metrics`),
      msOf(`${collector.url}/healthz`),
    ]);
    scrapes.push(scrape);
    others.push(other);
    await sleep(SCRAPE_EVERY_MS);
  }
  return { scrapes, others };
}

function row(name: string, measured: readonly number[]): void {
  const ordered = measured.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    (ordered[Math.ceil(share * ordered.length) - 1] ?? 0).toFixed(1);
  console.log(`| ${name.padEnd(42)} | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`);
}

export async function run(): Promise<void> {
  const workplace = await Workplace.create();
  try {
    const collector = await workplace.start();
    await times(`${collector.metricsUrl}/metrics`, WARM_UP_SCRAPES);
    await times(`${collector.url}/healthz`, WARM_UP_SCRAPES);
    const body = await (await fetch(`${collector.metricsUrl}/metrics`)).arrayBuffer();
    console.log(`${SCRAPES} scrapes of ${Math.round(body.byteLength / 1024)} KiB; ms\n`);
    console.log(`| ${''.padEnd(42)} | p50 | p99 | max |`);
    row('a scrape, without load', await times(`${collector.metricsUrl}/metrics`, SCRAPES));
    row('/healthz, without load', await times(`${collector.url}/healthz`, SCRAPES));

    const load = new Load(collector.port, 'scrape');
    load.start(LOAD_WIDTH);
    await times(`${collector.url}/healthz`, WARM_UP_SCRAPES);
    row('/healthz, under load', await times(`${collector.url}/healthz`, SCRAPES));
    const { scrapes, others } = await both(collector);
    await load.stop();
    row('/healthz beside a scrape, under load', others);
    row('a scrape, under load', scrapes);
    console.log(`\n${load.acknowledged.size} events accepted meanwhile`);
  } finally {
    await workplace.remove();
  }
}
