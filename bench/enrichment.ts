// Measures what the enrichment costs: each step alone, a batch with all of them, and pixels a second with everything on
// beside everything off, in turns. The machine's mood is in both figures, the ratio is what compares. Steps and options
// are those of the catalogues, as they are built.
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import type { Fields } from '../src/event/fields.js';
import type { EnrichmentStep } from '../src/ingestion/enrichment/enrichment-step.js';
import type { RequestFacts } from '../src/ingestion/request-facts.js';
import type { PipelineObserver } from '../src/metrics/pipeline-observer.js';
import { Workplace } from '../test/support/servers/collector.js';
import { cpuSeconds, peakResidentBytes } from '../test/support/servers/process-figures.js';
import { resultOf } from '../src/event/work.js';
import { wrk } from './wrk.js';
import { median } from './median.js';

/** What turns off the steps that can be turned off. Everything on is every default, and what is named here. */
export const OFF = {
  ENRICH_USER_AGENT: 'false',
  BOTS: 'off',
  ENRICH_CHANNEL: 'false',
  GEOIP_DB: 'off',
};
export const ON = { VISITOR_HASH: 'true' };

const CALLS = 100_000;
const FIRST_CALLS = 4_000;
/** The kernel counts a thread's time in steps of some milliseconds: short ones are added up. */
const ENOUGH_US = 200_000;
const MAX_CALLS = 4_000_000;
const BATCH = 100;
const BATCHES = 500;
const BATCH_ROUNDS = 30;
const ROUNDS = 9;
const SECONDS = 3;
const CONNECTIONS = 64;

const [HEADERS = {}] = (
  JSON.parse(readFileSync('test/fixtures/headers/vendors.json', 'utf8')) as {
    headers: Record<string, string>;
  }[]
).map(({ headers }) => headers);

const EVENT: Fields = {
  type: 'pageview',
  url: {
    referrer: 'https://www.google.com/search?q=shoes',
    referrer_hostname: 'www.google.com',
    raw_query: 'size=42',
    query_size: 7,
  },
  route: { domain: 'www.example.com', path: '/products/shoes', protocol: 'https', title: 'Shoes' },
  session: { visitor_id: '8b7f6e5d-0c1a-4b2e-9d3f-1a2b3c4d5e6f', session_id: 's-1' },
  props: { plan: 'pro' },
};
const FACTS: RequestFacts = {
  receivedAtMs: Date.now(),
  headers: HEADERS,
  query: '',
  // One that the database of countries knows.
  address: '81.2.69.142',
  source: 'shop',
};

async function builtFrom<T>(path: string): Promise<T> {
  return (await import(resolve('dist', path))) as T;
}

/** The steps of the catalogue, each with the defaults of its options but for what ON names. */
async function newSteps(): Promise<EnrichmentStep[]> {
  const [{ ENRICHMENT_STEPS }, { OPTIONS_CLASSES }, { PipelineObserver }] = await Promise.all([
    builtFrom<typeof import('../src/ingestion/enrichment/enrichment.catalogue.js')>(
      'ingestion/enrichment/enrichment.catalogue.js',
    ),
    builtFrom<typeof import('../src/program-configuration.js')>('program-configuration.js'),
    builtFrom<typeof import('../src/metrics/pipeline-observer.js')>('metrics/pipeline-observer.js'),
  ]);
  const [{ Places }, { GeoOptions }, { DailySalt }] = await Promise.all([
    builtFrom<typeof import('../src/ingestion/enrichment/places/places.js')>(
      'ingestion/enrichment/places/places.js',
    ),
    builtFrom<typeof import('../src/ingestion/enrichment/places/geo.options.js')>(
      'ingestion/enrichment/places/geo.options.js',
    ),
    builtFrom<typeof import('../src/ingestion/enrichment/daily-salt.js')>(
      'ingestion/enrichment/daily-salt.js',
    ),
  ]);
  const observer = { placesOpened: () => {} } as unknown as PipelineObserver;
  @Module({})
  class StepsModule {}
  const steps: DynamicModule = {
    module: StepsModule,
    providers: [
      ...ENRICHMENT_STEPS,
      { provide: PipelineObserver, useValue: observer },
      { provide: Places, useValue: await Places.open(new GeoOptions(), observer) },
      { provide: DailySalt, useValue: new DailySalt() },
      ...OPTIONS_CLASSES.map((options) => ({
        provide: getConfigToken(options.key),
        useValue: Object.assign(
          new options(),
          options.key === 'ingestion' && { visitorHash: true },
        ),
      })),
    ],
  };
  const context = await NestFactory.createApplicationContext(steps, { logger: false });
  return ENRICHMENT_STEPS.map((step) => context.get<EnrichmentStep>(step));
}

/** Microseconds of processor time that so many calls take on this thread, whatever else the machine does. */
function timed(calls: number, call: (index: number) => unknown): number {
  const before = process.threadCpuUsage();
  for (let index = 0; index < calls; index += 1) {
    call(index);
  }
  const { user, system } = process.threadCpuUsage(before);
  return user + system;
}

/** Microseconds of a call, the first round apart: V8 compiles what is hot. */
function costOf(calls: number, newCall: () => (index: number) => unknown): number {
  timed(calls, newCall());
  let us = 0;
  let made = 0;
  while (us < ENOUGH_US && made < MAX_CALLS) {
    us += timed(calls, newCall());
    made += calls;
  }
  return us / made;
}

/** Each has a browser and an address of its own, all over the space of IPv4. */
function factsOfClient(number: number): RequestFacts {
  const address = [1 + (number % 223), (number >> 4) & 255, (number >> 8) & 255, 7].join('.');
  return {
    ...FACTS,
    headers: { ...HEADERS, 'user-agent': `${HEADERS['user-agent']} ${number}` },
    address,
  };
}

async function tableOfSteps(): Promise<void> {
  console.log('µs of a step        request   event   client seen for the first time');
  for (const step of await newSteps()) {
    const known = {};
    const request = costOf(CALLS, () => () => step.ofRequest(FACTS, known));
    const event = costOf(CALLS, () => () => step.ofEvent?.(EVENT, known));
    let client = 0;
    const first = costOf(FIRST_CALLS, () => {
      const clients = Array.from({ length: FIRST_CALLS }, () => factsOfClient((client += 1)));
      return (index) => step.ofRequest(clients[index] ?? FACTS, known);
    });
    const [a, b, c] = [request, event, first].map((us) => us.toFixed(2).padStart(7));
    console.log(`${step.name.padEnd(18)} ${a} ${b} ${c}`);
  }
}

async function batches(): Promise<void> {
  const [{ Preparation }, { Enrichment }, { AdmissionOptions }, { IngestionOptions }] =
    await Promise.all([
      builtFrom<typeof import('../src/ingestion/preparation.js')>('ingestion/preparation.js'),
      builtFrom<typeof import('../src/ingestion/enrichment/enrichment.js')>(
        'ingestion/enrichment/enrichment.js',
      ),
      builtFrom<typeof import('../src/ingestion/admission/admission.options.js')>(
        'ingestion/admission/admission.options.js',
      ),
      builtFrom<typeof import('../src/ingestion/ingestion.options.js')>(
        'ingestion/ingestion.options.js',
      ),
    ]);
  const observer = { enrichmentFailed: () => {}, enrichmentStepsNamed: () => {} };
  const preparationWith = (steps: readonly EnrichmentStep[]) =>
    new Preparation(
      new IngestionOptions(),
      new AdmissionOptions(),
      new Enrichment(steps, observer),
      undefined,
    );
  const preparations = [preparationWith([]), preparationWith(await newSteps())] as const;
  const events = Array.from({ length: BATCH }, () => ({ ...EVENT }));
  const figures = preparations.map((): number[] => []);
  for (let round = 0; round <= BATCH_ROUNDS; round += 1) {
    for (const [index, preparation] of preparations.entries()) {
      const us = timed(BATCHES, () =>
        resultOf(preparation.ofRequest(events, preparation.contextsOf('/collect', FACTS))),
      );
      if (round > 0) {
        figures[index]?.push(us / (BATCHES * BATCH));
      }
    }
  }
  const said = (of: (numbers: readonly number[]) => number): string => {
    const [without = 0, all = 0] = figures.map((rounds) => of(rounds));
    return `${without.toFixed(2)} µs without steps, ${all.toFixed(2)} with all, ${(all - without).toFixed(2)} more`;
  };
  console.log(`\nan event of a batch of ${BATCH}, ${BATCH_ROUNDS} rounds in turns`);
  console.log(`median: ${said(median)}\nleast:  ${said((rounds) => Math.min(...rounds))}`);
}

/** In a directory of its own: what another process has left there, a start would read. */
async function pixels(environment: Record<string, string>) {
  const workplace = await Workplace.create();
  try {
    const collector = await workplace.start(environment);
    await wrk(collector.port, { connections: CONNECTIONS, seconds: 1 });
    const cpuBefore = await cpuSeconds(collector.pid);
    const load = await wrk(collector.port, { connections: CONNECTIONS, seconds: SECONDS });
    const cpuUs = (1e6 * ((await cpuSeconds(collector.pid)) - cpuBefore)) / load.requests;
    const peakMiB = (await peakResidentBytes(collector.pid)) / 1_048_576;
    await collector.stop();
    return { ...load, cpuUs, peakMiB };
  } finally {
    await workplace.remove();
  }
}

async function throughput(): Promise<void> {
  console.log(
    `\nwrk -t1 -c${CONNECTIONS} -d${SECONDS}s, one process each, after 1 s of warm-up; log sink on\n`,
  );
  const ratios: number[] = [];
  const ratiosOfCpu: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const off = await pixels(OFF);
    const on = await pixels(ON);
    ratios.push(on.requestsPerSecond / off.requestsPerSecond);
    ratiosOfCpu.push(off.cpuUs / on.cpuUs);
    const [textOfOn, textOfOff] = [on, off].map(
      ({ requestsPerSecond, cpuUs, peakMiB }) =>
        `${requestsPerSecond.toFixed(0)}/s ${cpuUs.toFixed(1)} µs of CPU ${peakMiB.toFixed(0)} MiB`,
    );
    console.log(
      `round ${round}: on ${textOfOn}, off ${textOfOff}, ratio ${ratios.at(-1)?.toFixed(2)}, ` +
        `of CPU ${ratiosOfCpu.at(-1)?.toFixed(2)}, ${on.failures + off.failures} failed`,
    );
  }
  console.log(
    `median ratio ${median(ratios).toFixed(2)}, of CPU ${median(ratiosOfCpu).toFixed(2)}`,
  );
}

export async function run(): Promise<void> {
  await tableOfSteps();
  await batches();
  await throughput();
}
