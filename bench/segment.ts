// Measures what 100 messages of the Segment API cost, posted to `/v1/batch`, beside the same events posted to
// `/collect`. One program takes both in turn, so that the machine's mood is in both figures.
import { Agent, request } from 'node:http';
import { type Collector, Workplace } from '../test/support/servers/collector.js';
import { cpuSeconds } from '../test/support/servers/process-figures.js';

const ROUNDS = 7;
const REQUESTS = 150;
const EVENTS = 100;
const TOGETHER = 4;
const LIMIT = 1.3;

const PAGES = Array.from({ length: 10 }, (_, n) => `https://shop.example/products/${n}`);
const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';

/** What a browser's SDK sends when somebody looks at products. */
function batch(): string {
  const now = new Date().toISOString();
  const messages = Array.from({ length: EVENTS }, (_, n) => {
    const url = `${PAGES[n % PAGES.length]}?utm_source=mail&utm_medium=email&gclid=abc`;
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
  const workplace = await Workplace.create();
  const agent = new Agent({ keepAlive: true, maxSockets: TOGETHER });
  try {
    const collector = await workplace.start({ QUEUE_MAX_MB: '8192' });
    const messages = batch();
    const events = await asEvents(workplace, collector, agent, messages);
    console.log(
      `${EVENTS} events: ${messages.length} bytes as messages, ${events.length} bytes as events; ` +
        `${ROUNDS} rounds of ${REQUESTS} requests each\n`,
    );
    const ratios: number[] = [];
    // The first rounds are those in which V8 compiles what is hot.
    for (let round = -2; round < ROUNDS; round += 1) {
      const collect = await cost(collector, agent, '/collect', events);
      const segment = await cost(collector, agent, '/v1/batch', messages);
      if (round >= 0) {
        ratios.push(segment / collect);
        console.log(
          `/collect ${collect.toFixed(1)} µs CPU an event, /v1/batch ${segment.toFixed(1)}, ratio ${(segment / collect).toFixed(2)}`,
        );
      }
    }
    const median = ratios.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
    console.log(`\nmedian of the ratios ${median.toFixed(2)}, at most ${LIMIT}`);
    process.exitCode = median > LIMIT ? 1 : 0;
    await collector.stop();
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
  messages: string,
): Promise<string> {
  await post(collector, agent, '/v1/batch', messages);
  await collector.drained();
  const events = await workplace.logged();
  const ofServer = new Set(['server', 'received_at']);
  return JSON.stringify(events, (name, value: unknown) => (ofServer.has(name) ? undefined : value));
}

/** Microseconds of CPU of the program for an event. */
async function cost(
  collector: Collector,
  agent: Agent,
  path: string,
  body: string,
): Promise<number> {
  const before = await cpuSeconds(collector.pid);
  for (let sent = 0; sent < REQUESTS; sent += TOGETHER) {
    await Promise.all(Array.from({ length: TOGETHER }, () => post(collector, agent, path, body)));
  }
  await collector.drained();
  const requests = Math.ceil(REQUESTS / TOGETHER) * TOGETHER;
  return (((await cpuSeconds(collector.pid)) - before) * 1e6) / (requests * EVENTS);
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
