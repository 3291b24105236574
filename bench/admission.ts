// Measures what it costs to refuse a request, beside accepting one; whether the time of a refusal tells its cause; and
// what keys, signatures and limits take from the throughput. Short rounds in turns: the machine's mood is in all.
import { createHmac } from 'node:crypto';
import { cpuSeconds } from '../test/support/servers/process-figures.js';
import { type Collector, Workplace } from '../test/support/servers/collector.js';
import { compareCauses } from './refusal-times.js';
import { type Load, PIXEL, wrk, type WrkRequest } from './wrk.js';
import { median } from './median.js';

const CONNECTIONS = 64;
const SECONDS = 2;
const ROUNDS = 5;
/** Before the measurement: V8 compiles what is hot. */
const WARM_UP_SECONDS = 2;
/** What has to be left of the throughput. */
const LEAST_SHARE = 0.85;

const SECRET = 'a secret of 32 characters or more';
const KEY = 'k'.repeat(32);
const WRONG_KEY = `${KEY.slice(1)}x`;
const BODY = JSON.stringify({
  type: 'signup',
  url: { raw_query: 'utm_source=newsletter&utm_medium=email' },
  route: { domain: 'shop.example', path: '/products/shoes', title: 'Shoes' },
  session: { visitor_id: '8b7f6e5d-0c1a-4b2e-9d3f-1a2b3c4d5e6f' },
  props: { plan: 'pro', price: 19.9 },
});

const clientKey = createHmac('sha256', SECRET).update('client-key:127.0.0.1').digest();
const SIGNATURE = createHmac('sha256', clientKey).update(BODY).digest('hex');
const OTHER_SIGNATURE = createHmac('sha256', clientKey).update(`${BODY} `).digest('hex');

const STORAGE = { LOG_BACKUPS: '1', QUEUE_MAX_MB: '4096' };
const SENDERS = {
  ...STORAGE,
  INGEST_API_KEYS: `shop:${KEY}`,
  HMAC_SECRET: SECRET,
  CORS_ORIGINS: 'https://shop.example',
};
/** No request is refused for them, and each is counted. */
const WIDE_LIMITS = { RATE_LIMIT_RPS: '1000000', SOURCE_RATE_LIMITS: 'shop:1000000' };
const NARROW_LIMIT = { ...STORAGE, RATE_LIMIT_RPS: '10', TRUST_PROXY: '127.0.0.1' };

function collect(headers: Readonly<Record<string, string>>): WrkRequest {
  const all = { 'Content-Type': 'application/json', ...headers };
  return { target: '/collect', headers: all, body: BODY };
}
function pixel(query: string, headers: Readonly<Record<string, string>> = {}): WrkRequest {
  return { target: `${PIXEL}${query}`, headers };
}
const bearer = (key: string): Record<string, string> => ({ Authorization: `Bearer ${key}` });
const page = (origin: string): Record<string, string> => ({
  ...bearer(KEY),
  Origin: `https://${origin}.example`,
  Referer: `https://${origin}.example/page`,
});

interface Pair {
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly accepted: WrkRequest;
  readonly refused: WrkRequest;
}

const ONE_CLIENT = { 'X-Forwarded-For': '192.0.2.1' };
const PAIRS: readonly Pair[] = [
  {
    name: '/collect, key',
    environment: SENDERS,
    accepted: collect(bearer(KEY)),
    refused: collect(bearer(WRONG_KEY)),
  },
  {
    name: '/collect, signature',
    environment: SENDERS,
    accepted: collect({ 'X-GoTrack-HMAC': SIGNATURE }),
    refused: collect({ 'X-GoTrack-HMAC': OTHER_SIGNATURE }),
  },
  {
    name: '/collect, origin',
    environment: SENDERS,
    accepted: collect(page('shop')),
    refused: collect(page('evil')),
  },
  {
    name: '/collect, rate',
    environment: NARROW_LIMIT,
    accepted: { ...collect({}), fromEach: true },
    refused: collect(ONE_CLIENT),
  },
  {
    name: '/px.gif, key',
    environment: SENDERS,
    accepted: pixel(`&gt_key=${KEY}`),
    refused: pixel(`&gt_key=${WRONG_KEY}`),
  },
  {
    name: '/px.gif, origin',
    environment: SENDERS,
    accepted: pixel('', page('shop')),
    refused: pixel('', page('evil')),
  },
  {
    name: '/px.gif, rate',
    environment: NARROW_LIMIT,
    accepted: { ...pixel(''), fromEach: true },
    refused: pixel('', ONE_CLIENT),
  },
];

/** What both get, with and without admission. */
const THROUGHPUT: readonly (readonly [name: string, request: WrkRequest])[] = [
  ['/px.gif with a key', pixel(`&gt_key=${KEY}`)],
  ['/collect with a key', collect(bearer(KEY))],
  ['/collect with a signature', collect({ 'X-GoTrack-HMAC': SIGNATURE })],
];

export async function run(): Promise<void> {
  console.log(`wrk -t1 -c${CONNECTIONS} -d${SECONDS}s, medians of ${ROUNDS} rounds in turns\n`);
  await refusals();
  console.log();
  await withCollector({ ...SENDERS, ...WIDE_LIMITS }, ({ port }) =>
    compareCauses(port, { secret: SECRET, key: KEY }),
  );
  console.log();
  await throughput();
}

async function refusals(): Promise<void> {
  console.log('| CPU a request | accepted, µs | refused, µs | ratio |\n| --- | --- | --- | --- |');
  for (const { name, environment, accepted, refused } of PAIRS) {
    await withCollector(environment, async (collector) => {
      const [first, second] = await inTurns(
        [collector, accepted, ({ failures }) => failures === 0],
        [collector, refused, ({ failures, requests }) => failures > 0.9 * requests],
      );
      const ratio = ratioOf(second.cpu, first.cpu);
      const columns = [median(first.cpu).toFixed(1), median(second.cpu).toFixed(1)];
      console.log(`| ${name} | ${columns.join(' | ')} | ${ratio.toFixed(2)} |`);
      mustHold(ratio < 1, `${name}: a refusal costs more than accepting`);
    });
  }
}

async function throughput(): Promise<void> {
  console.log('| | requests/s off | on | on / off | CPU a request off, µs | on | on / off |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  await withCollector(STORAGE, (off) =>
    withCollector({ ...SENDERS, ...WIDE_LIMITS }, async (on) => {
      const isMeant = ({ failures }: Load): boolean => failures === 0;
      for (const [name, request] of THROUGHPUT) {
        const [first, second] = await inTurns([off, request, isMeant], [on, request, isMeant]);
        const share = ratioOf(second.rate, first.rate);
        const columns = [
          ...[median(first.rate), median(second.rate)].map((rate) => rate.toFixed(0)),
          share.toFixed(2),
          ...[median(first.cpu), median(second.cpu)].map((cpu) => cpu.toFixed(1)),
          ratioOf(second.cpu, first.cpu).toFixed(2),
        ];
        console.log(`| ${name} | ${columns.join(' | ')} |`);
        mustHold(share >= LEAST_SHARE, `${name}: less than ${LEAST_SHARE} of the throughput`);
      }
    }),
  );
}

async function withCollector(
  environment: Record<string, string>,
  use: (collector: Collector) => Promise<void>,
): Promise<void> {
  const workplace = await Workplace.create();
  try {
    const collector = await workplace.start(environment);
    await use(collector);
    await collector.stop();
  } finally {
    await workplace.remove();
  }
}

type Measurement = readonly [Collector, WrkRequest, isMeant: (load: Load) => boolean];

/** A value for each round. */
class Rounds {
  /** Requests a second. */
  readonly rate: number[] = [];
  /** Microseconds a request, all threads. */
  readonly cpu: number[] = [];

  constructor(private readonly measurement: Measurement) {}

  async warmUp(): Promise<void> {
    const [{ port }, request] = this.measurement;
    await wrk(port, { connections: CONNECTIONS, seconds: WARM_UP_SECONDS }, request);
  }

  async measure(): Promise<void> {
    const [{ pid, port }, request, isMeant] = this.measurement;
    const before = await cpuSeconds(pid);
    const load = await wrk(port, { connections: CONNECTIONS, seconds: SECONDS }, request);
    this.cpu.push(((await cpuSeconds(pid)) - before) * (1e6 / load.requests));
    this.rate.push(load.requestsPerSecond);
    const { failures, requests } = load;
    mustHold(isMeant(load), `${failures} of ${requests} requests to ${request.target} failed`);
  }
}

/** Every second round begins with the second: what one leaves behind must not always meet the other. */
async function inTurns(
  ...measurements: readonly [Measurement, Measurement]
): Promise<readonly [Rounds, Rounds]> {
  const [first, second] = [new Rounds(measurements[0]), new Rounds(measurements[1])];
  await first.warmUp();
  await second.warmUp();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const each of round % 2 === 0 ? [first, second] : [second, first]) {
      await each.measure();
    }
  }
  return [first, second];
}

function mustHold(holds: boolean, otherwise: string): void {
  if (!holds) {
    console.log(`does not hold: ${otherwise}`);
    process.exitCode = 1;
  }
}

/** The median of the rounds' ratios. */
function ratioOf(these: readonly number[], those: readonly number[]): number {
  return median(these.map((value, round) => value / (those[round] ?? Number.NaN)));
}
