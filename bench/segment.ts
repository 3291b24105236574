// Measures what 100 messages of the Segment API cost, posted to `/v1/batch`, beside the same events posted to
// `/collect`. One program takes both in turn, so that the machine's mood is in both figures. V8's garbage collector
// settles in one of several ways for the life of a process, so several programs are measured, one after another.
import { Agent, request } from 'node:http';
import { type Collector, Workplace } from '../test/support/servers/collector.js';
import { cpuSeconds } from '../test/support/servers/process-figures.js';
import { median } from './median.js';

const PROCESSES = 6;
const ROUNDS = 4;
/** The first are those in which V8 compiles what is hot. */
const WARM_UP = 2;
const REQUESTS = 120;
const EVENTS = 100;
const TOGETHER = 4;
const LIMIT = 1.3;

/** What visitors look at: some of the same products, or each another page. */
const KINDS = {
  'ten pages': { bodies: 1, addressOf: (n: number) => `products/${n % 10}?utm_source=mail` },
  'other pages': { bodies: 12, addressOf: (n: number) => `products/${n}?utm_source=mail&ref=${n}` },
} as const;
type Kind = keyof typeof KINDS;

const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';

/** What a browser's SDK sends when somebody looks at products. */
function batch(kind: Kind, body: number): string {
  const now = new Date().toISOString();
  const messages = Array.from({ length: EVENTS }, (_, index) => {
    const n = body * EVENTS + index;
    const url = `https://shop.example/${KINDS[kind].addressOf(n)}&utm_medium=email&gclid=abc`;
    return {
      type: 'track',
      event: 'Product viewed',
      messageId: `ajs-next-${n}-${now}`,
      timestamp: now,
      anonymousId: '3b7c6a1e-4f5d-4c39-8a51-0d2f8f1b2c3d',
      userId: `user-${n % 7}`,
      properties: { sku: `sku-${n}`, price: 12.5, currency: 'CHF', list: ['a', 'b'], position: n },
      context: {
        page: {
          url,
          path: new URL(url).pathname,
          search: new URL(url).search,
          referrer: 'https://search.example/?q=shoes',
          title: 'Products',
        },
        userAgent: USER_AGENT,
        locale: 'de-CH',
        timezone: 'Europe/Zurich',
        library: { name: 'analytics.js', version: 'npm:next-1.84.3' },
      },
      integrations: {},
    };
  });
  return JSON.stringify({ batch: messages, sentAt: now });
}

export async function run(): Promise<void> {
  const kinds = (Object.keys(KINDS) as Kind[]).map((kind) => ({ kind, ratios: [] as number[] }));
  for (let started = 0; started < PROCESSES; started += 1) {
    for (const { kind, ratios } of kinds) {
      ratios.push(await ratioOfProcess(kind));
    }
  }
  for (const { kind, ratios } of kinds) {
    const ratio = median(ratios);
    const all = ratios.map((each) => each.toFixed(2)).join(' ');
    console.log(`\n${kind}: median ${ratio.toFixed(2)} of ${all}, at most ${LIMIT}`);
    process.exitCode = ratio > LIMIT ? 1 : process.exitCode;
  }
}

async function ratioOfProcess(kind: Kind): Promise<number> {
  const workplace = await Workplace.create();
  const agent = new Agent({ keepAlive: true, maxSockets: TOGETHER });
  try {
    const collector = await workplace.start({ QUEUE_MAX_MB: '8192' });
    const messages = Array.from({ length: KINDS[kind].bodies }, (_, n) => batch(kind, n));
    const events = await asEvents(workplace, collector, agent, messages);
    const figures: { collect: number; segment: number }[] = [];
    for (let round = -WARM_UP; round < ROUNDS; round += 1) {
      const collect = await cost(collector, agent, '/collect', events);
      const segment = await cost(collector, agent, '/v1/batch', messages);
      if (round >= 0) {
        figures.push({ collect, segment });
      }
    }
    await collector.stop();
    const collect = median(figures.map((figure) => figure.collect));
    const segment = median(figures.map((figure) => figure.segment));
    const ratio = median(figures.map((figure) => figure.segment / figure.collect));
    console.log(
      `${kind}: /collect ${collect.toFixed(1)} µs CPU an event, /v1/batch ${segment.toFixed(1)}, ratio ${ratio.toFixed(2)}`,
    );
    return ratio;
  } finally {
    agent.destroy();
    await workplace.remove();
  }
}

/** The events that the messages become, as a client of `/collect` would send them. */
async function asEvents(
  workplace: Workplace,
  collector: Collector,
  agent: Agent,
  messages: readonly string[],
): Promise<string[]> {
  for (const body of messages) {
    await post(collector, agent, '/v1/batch', body);
  }
  await collector.drained();
  const events = await workplace.logged();
  const ofServer = new Set(['server', 'received_at']);
  const plain = (name: string, value: unknown): unknown => (ofServer.has(name) ? undefined : value);
  return messages.map((_, n) => JSON.stringify(events.slice(n * EVENTS, (n + 1) * EVENTS), plain));
}

/** Microseconds of CPU of the program for an event. */
async function cost(
  collector: Collector,
  agent: Agent,
  path: string,
  bodies: readonly string[],
): Promise<number> {
  const before = await cpuSeconds(collector.pid);
  for (let sent = 0; sent < REQUESTS; sent += TOGETHER) {
    await Promise.all(
      Array.from({ length: TOGETHER }, (_, n) =>
        post(collector, agent, path, bodies[(sent + n) % bodies.length] ?? ''),
      ),
    );
  }
  await collector.drained();
  return (((await cpuSeconds(collector.pid)) - before) * 1e6) / (REQUESTS * EVENTS);
}

function post(collector: Collector, agent: Agent, path: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = {
      agent,
      host: '127.0.0.1',
      port: collector.port,
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    };
    const sending = request(options, (response) => {
      response.resume().once('end', () => {
        if ((response.statusCode ?? 500) < 300) {
          resolve();
        } else {
          reject(new Error(`${path}: ${response.statusCode}`));
        }
      });
    });
    sending.once('error', reject);
    sending.end(body);
  });
}
