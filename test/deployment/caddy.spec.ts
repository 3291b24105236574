import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until, Workplace } from '../support/servers/collector.js';
import { debianProgram, runDebianProgram } from '../support/servers/debian-program.js';
import { freePort } from '../support/servers/free-port.js';

const CADDYFILE = 'config/caddy/Caddyfile';
const program = debianProgram('caddy', ['caddy']);
if (!program) {
  process.stderr.write('no Caddy to test with: Debian has no package of it here\n');
}

describe.skipIf(!program)('behind Caddy', () => {
  let workplace: Workplace;
  let child: ChildProcess;
  let caddyPort: number;
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
      port: caddyPort,
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
    [caddyPort, collectorPort] = [await freePort(), await freePort()];
    const admin = await freePort();
    child = spawn(program?.path ?? '', ['run', '--config', CADDYFILE, '--adapter', 'caddyfile'], {
      stdio: 'ignore',
      env: {
        ...process.env,
        ...program?.environment,
        GOTRACK_SITE: `http://127.0.0.1:${caddyPort}`,
        GOTRACK_UPSTREAM: `127.0.0.1:${collectorPort}`,
        CADDY_ADMIN: `127.0.0.1:${admin}`,
        XDG_DATA_HOME: workplace.path('caddy-data'),
        XDG_CONFIG_HOME: workplace.path('caddy-config'),
      },
    });
    await until(async () => (await fetch(`http://127.0.0.1:${admin}/config/`)).ok);
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    await once(child, 'close');
    await workplace.remove();
  });

  it('finds nothing wrong with its file, certificates included', async () => {
    const site = process.env['GOTRACK_SITE'];
    process.env['GOTRACK_SITE'] = 'events.example.com';
    try {
      const adapted = await runDebianProgram(
        'caddy',
        ['caddy'],
        ['adapt', '--validate', '--config', CADDYFILE],
      );
      expect(adapted).toContain('"events.example.com"');
      expect(adapted).toContain('":443"');
    } finally {
      delete process.env['GOTRACK_SITE'];
      if (site !== undefined) {
        process.env['GOTRACK_SITE'] = site;
      }
    }
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
