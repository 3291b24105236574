// Measures what the enrichment adds to the start and to the memory: starts with everything on and with everything off take
// turns, and each process then gets requests of many clients, so that all that is remembered of clients is full.
import { performance } from 'node:perf_hooks';
import { Workplace } from '../test/support/servers/collector.js';
import { cpuSeconds, residentBytes } from '../test/support/servers/process-figures.js';
import { OFF, ON } from './enrichment.js';
import { median } from './median.js';
import { wrk } from './wrk.js';

const ROUNDS = 10;
const SECONDS = 2;
const CONNECTIONS = 16;
const MIB = 1_048_576;

interface Figures {
  readonly startMs: number;
  readonly cpuMs: number;
  readonly startedMiB: number;
  readonly usedMiB: number;
}

async function measure(environment: Record<string, string>): Promise<Figures> {
  const workplace = await Workplace.create();
  try {
    const startedAt = performance.now();
    const collector = workplace.launch({ TRUST_PROXY: '127.0.0.1', ...environment });
    await collector.ready();
    const startMs = performance.now() - startedAt;
    const cpuMs = 1000 * (await cpuSeconds(collector.pid));
    const startedMiB = (await residentBytes(collector.pid)) / MIB;
    await wrk(
      collector.port,
      { connections: CONNECTIONS, seconds: SECONDS },
      { target: '/px.gif', fromEach: true, withAgents: true },
    );
    const usedMiB = (await residentBytes(collector.pid)) / MIB;
    await collector.stop();
    return { startMs, cpuMs, startedMiB, usedMiB };
  } finally {
    await workplace.remove();
  }
}

export async function run(): Promise<void> {
  const all: { on: Figures[]; off: Figures[] } = { on: [], off: [] };
  for (let round = 1; round <= ROUNDS; round += 1) {
    all.off.push(await measure(OFF));
    all.on.push(await measure(ON));
  }
  console.log(`medians of ${ROUNDS} starts each, in turns`);
  for (const figure of ['startMs', 'cpuMs', 'startedMiB', 'usedMiB'] as const) {
    const [on, off] = [all.on, all.off].map((each) => median(each.map((one) => one[figure])));
    console.log(
      `${figure.padEnd(12)} on ${on?.toFixed(0)} off ${off?.toFixed(0)} difference ${((on ?? 0) - (off ?? 0)).toFixed(0)}` +
        `   on: ${all.on.map((one) => one[figure].toFixed(0)).join(' ')}   off: ${all.off.map((one) => one[figure].toFixed(0)).join(' ')}`,
    );
  }
}
