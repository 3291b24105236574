import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Workplace } from '../support/servers/collector.js';

const WITHOUT_IPV6 = pathToFileURL('test/support/without-ipv6.mjs').href;

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

async function ask(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const request = get(url, { headers, agent: new Agent({ keepAlive: true }) });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  await text(answer);
  request.destroy();
  return answer;
}

it.each([
  ['with IPv6', {}],
  ['without IPv6', { NODE_OPTIONS: `--import=${WITHOUT_IPV6}` }],
])('listens on every address there is, on a host %s', async (_, environment) => {
  const collector = await workplace.start({
    SERVER_ADDR: ':0',
    METRICS_ADDR: ':0',
    ...environment,
  });
  expect((await ask(`${collector.url}/healthz`)).statusCode).toBe(200);
  expect((await ask(`${collector.metricsUrl}/healthz`)).statusCode).toBe(200);
});

it('refuses an IPv6 address by name on a host without IPv6', async () => {
  const { exitCode, stderr } = await workplace.run(['serve'], {
    SERVER_ADDR: '[::1]:0',
    NODE_OPTIONS: `--import=${WITHOUT_IPV6}`,
  });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('SERVER_ADDR: cannot listen on ::1 port 0');
});

it('keeps connections as long as it is told', async () => {
  const collector = await workplace.start({ KEEP_ALIVE_TIMEOUT_MS: '600000' });
  const { headers } = await ask(`${collector.url}/healthz`);
  expect(headers['keep-alive']).toBe('timeout=600');
});

it('keeps them longer than balancers do when it is told nothing', async () => {
  const collector = await workplace.start();
  const { headers } = await ask(`${collector.url}/healthz`);
  expect(headers['keep-alive']).toBe('timeout=75');
});

it('takes the address of the client from the header that the proxies write', async () => {
  const collector = await workplace.start({
    GEOIP_DB: 'off',
    TRUST_PROXY: '127.0.0.1',
    CLIENT_IP_HEADER: 'CF-Connecting-IP',
    BOTS: 'off',
  });
  const { headers } = await ask(`${collector.url}/px.gif`, {
    'CF-Connecting-IP': '198.51.100.9',
    'X-Forwarded-For': '203.0.113.66',
  });
  expect(headers['cross-origin-resource-policy']).toBe('cross-origin');
  await collector.drained();
  const [event] = await workplace.logged();
  expect(event?.['server']).toEqual({ ip: '198.51.100.0' });
});
