import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Workplace } from '../support/servers/collector.js';
import { Caddy, findCaddy } from '../support/servers/caddy.js';
import { freePort } from '../support/servers/free-port.js';

const CADDYFILE = 'config/caddy/Caddyfile';
describe.skipIf(!findCaddy())('behind Caddy', () => {
  let workplace: Workplace;
  let caddy: Caddy;
  let collectorPort: number;

  const settings = (): Record<string, string> => ({
    SERVER_ADDR: `127.0.0.1:${collectorPort}`,
    TRUST_PROXY: '127.0.0.1/32',
    SHUTDOWN_TIMEOUT_MS: '1000',
  });

  /** @returns the status */
  async function pixel(id: string, headers: Record<string, string> = {}): Promise<number> {
    const sending = request({
      agent: false,
      host: '127.0.0.1',
      localAddress: '127.0.5.6',
      port: caddy.port,
      path: `/px.gif?event_id=${id}`,
      headers,
    }).end();
    const [response] = (await once(sending, 'response')) as [
      { statusCode: number; resume(): unknown },
    ];
    response.resume();
    return response.statusCode;
  }

  beforeEach(async () => {
    workplace = await Workplace.create();
    collectorPort = await freePort();
    const upstream = { GOTRACK_UPSTREAM: `127.0.0.1:${collectorPort}` };
    caddy = await Caddy.start(CADDYFILE, upstream, workplace.directory);
  });
  afterEach(async () => {
    await caddy.stop();
    await workplace.remove();
  });

  it('finds nothing wrong with its file, certificates included', async () => {
    const adapted = await Caddy.adapted(CADDYFILE, { GOTRACK_SITE: 'events.example.com' });
    expect(adapted).toContain('"events.example.com"');
    expect(adapted).toContain('":443"');
  });

  it("stores the client's address, whatever the client says of it", async () => {
    const collector = await workplace.start(settings());
    expect(await pixel('plain')).toBe(200);
    expect(
      await pixel('forged', { 'x-forwarded-for': '203.0.113.9', 'x-real-ip': '203.0.113.9' }),
    ).toBe(200);
    await collector.drained();

    const addresses = (await workplace.logged()).map(({ event_id, server }) => ({
      event_id,
      ip: (server as { ip: string }).ip,
    }));
    expect(addresses).toEqual([
      { event_id: 'plain', ip: '127.0.5.0' },
      { event_id: 'forged', ip: '127.0.5.0' },
    ]);
  });

  it('lets requests wait while the collector restarts', async () => {
    const waiting = pixel('early');
    await workplace.start(settings());
    expect(await waiting).toBe(200);
  });
});
