// Measures how long `/healthz` takes at worst while clients send what takes long to parse, to validate or to sanitise.
// Generator and program share the machine: the first line says how long it takes beside nothing.
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Collector, Workplace } from '../test/support/servers/collector.js';

const MIB = 1024 * 1024;
const SECONDS = 5;

interface Shape {
  readonly name: string;
  readonly body: string;
  /** Sent together, again and again. */
  readonly together?: number;
  readonly contentType?: string;
}

const filled = (unit: string, length: number): string => unit.repeat(length / unit.length);
const names = (count: number): string =>
  Array.from({ length: count }, (_, n) => `"f${n}":${n}`).join(',');
const list = (count: number, event: string): string =>
  `[${Array.from({ length: count }, () => event).join(',')}]`;
const wrong = ['ua', 'os', 'browser', 'language', 'tz', 'gpu'].map((name) => `"${name}":1`).join();
const colliding = Array.from({ length: 400 }, (_, n) => `"${'_'.repeat(n)}a":1`).join();

const SHAPES: readonly Shape[] = [
  { name: 'nothing', body: '', together: 0 },
  { name: 'nested lists, 1 MiB', body: filled('[', MIB / 2) + filled(']', MIB / 2) },
  { name: '350,000 empty events', body: `[${filled('{},', MIB - 4)}{}]` },
  { name: 'lists of empty objects', body: list(16, `{"props":{"a":[${filled('{},', 60_000)}0]}}`) },
  {
    name: 'lists of long numbers',
    body: list(16, `{"props":{"a":[${filled('1e99,', 60_000)}0]}}`),
  },
  { name: '100,000 fields', body: `{${names(80_000)}}` },
  { name: 'errors beside 900 fields', body: list(85, `{"device":{${wrong},${names(900)}}}`) },
  { name: 'colliding names', body: list(6, `{${colliding},"props":{${colliding}}}`) },
  { name: 'parameters to strip', body: list(16, `{"props":{"a":"${filled('&t=', 60_000)}"}}`) },
  { name: '1 MiB of newlines', body: filled('\n', MIB), contentType: 'application/x-ndjson' },
  { name: '200 × 64 KB together', body: list(190, `{"props":{${names(25)}}}`), together: 200 },
];

export async function run(): Promise<void> {
  const workplace = await Workplace.create();
  try {
    const collector = await workplace.start({ SANITIZE_PARAMS: 't', QUEUE_MAX_MB: '8192' });
    for (const shape of SHAPES) {
      const { worst, answered } = await measure(collector, shape);
      console.log(
        `${shape.name.padEnd(26)} worst /healthz ${worst.toFixed(1).padStart(6)} ms  ${answered} answered`,
      );
    }
    await collector.stop();
  } finally {
    await workplace.remove();
  }
}

async function measure(
  collector: Collector,
  { body, together = 1, contentType = 'application/json' }: Shape,
): Promise<{ readonly worst: number; readonly answered: number }> {
  const agent = new Agent({ keepAlive: true });
  const bytes = Buffer.from(body);
  const end = performance.now() + SECONDS * 1000;
  let answered = 0;
  const flood = async (): Promise<void> => {
    for (let left = end - performance.now(); left > 0; left = end - performance.now()) {
      const sending = Array.from({ length: together }, () =>
        exchange(agent, collector.port, 'POST', '/collect', { contentType, bytes }),
      );
      answered += (await Promise.all(sending)).length;
    }
  };
  const prober = new Agent({ keepAlive: true });
  const probe = async (): Promise<number> => {
    let worst = 0;
    while (performance.now() < end) {
      const startedAt = performance.now();
      await exchange(prober, collector.port, 'GET', '/healthz');
      worst = Math.max(worst, performance.now() - startedAt);
      await sleep(1);
    }
    return worst;
  };
  const [worst] = await Promise.all([probe(), together > 0 && flood()]);
  agent.destroy();
  prober.destroy();
  return { worst, answered };
}

function exchange(
  agent: Agent,
  port: number,
  method: string,
  path: string,
  body?: { readonly contentType: string; readonly bytes: Buffer },
): Promise<number> {
  const headers = body && {
    'content-type': body.contentType,
    'content-length': body.bytes.length,
  };
  return new Promise((resolve, reject) => {
    const sending = request(
      { agent, port, host: '127.0.0.1', method, path, headers },
      (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0));
      },
    );
    sending.once('error', reject);
    sending.end(body?.bytes);
  });
}
