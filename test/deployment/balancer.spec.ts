import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Caddy, findCaddy } from '../support/servers/caddy.js';
import { until } from '../support/servers/collector.js';

const CADDYFILE = 'config/caddy/balancer.Caddyfile';

/** Stands for an instance: answers, or cuts the connection once it has the whole request. */
class Instance {
  readonly received: string[] = [];
  isReady = true;
  cutsOff = false;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Instance> {
    // As GoTrack has it: the first to close is Caddy.
    const server = createServer({ keepAliveTimeout: 75_000 });
    const instance = new Instance(server);
    server.on('request', (request, response) => {
      if (request.url === '/readyz') {
        response.writeHead(instance.isReady ? 200 : 503).end();
        return;
      }
      request.resume().on('end', () => {
        instance.received.push(`${request.method} ${request.url}`);
        if (instance.cutsOff) {
          request.socket.destroy();
        } else {
          response.end('OK');
        }
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return instance;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    if (this.server.listening) {
      const closed = once(this.server, 'close');
      this.server.close();
      this.server.closeAllConnections();
      await closed;
    }
  }
}

describe.skipIf(!findCaddy())('Caddy before several instances', () => {
  let directory: string;
  let instances: [Instance, Instance];
  let caddy: Caddy;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gotrack-balancer-'));
    instances = [await Instance.start(), await Instance.start()];
    const upstreams = instances.map(({ address }) => address).join(' ');
    caddy = await Caddy.start(CADDYFILE, { GOTRACK_UPSTREAMS: upstreams }, directory);
  });
  afterEach(async () => {
    await caddy.stop();
    await Promise.all(instances.map((instance) => instance.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  /** @returns the status */
  async function send(method: string, path: string): Promise<number> {
    const body = method === 'POST' ? '{"type":"signup"}' : null;
    const response = await fetch(`http://127.0.0.1:${caddy.port}${path}`, { method, body });
    await response.arrayBuffer();
    return response.status;
  }

  const received = (): string[] => instances.flatMap((instance) => instance.received);

  it('finds nothing wrong with its file, certificates included', async () => {
    const adapted = await Caddy.adapted(CADDYFILE, {
      GOTRACK_SITE: 'events.example.com',
      GOTRACK_UPSTREAMS: 'ingest-1:19890 ingest-2:19890',
    });
    expect(adapted).toContain('"events.example.com"');
    expect(adapted).toContain('":443"');
    expect(adapted).toContain('{"dial":"ingest-1:19890"},{"dial":"ingest-2:19890"}');
  });

  it('shares requests out', async () => {
    for (let count = 0; count < 10; count += 1) {
      expect(await send('POST', '/collect')).toBe(200);
    }
    expect(received()).toHaveLength(10);
    expect(instances.every((instance) => instance.received.length > 0)).toBe(true);
  });

  it('sends nothing to an instance that says that it is not ready, and something once it is', async () => {
    const [first] = instances;
    first.isReady = false;
    await until(async () => {
      first.received.length = 0;
      await Promise.all([send('POST', '/collect'), send('POST', '/collect')]);
      return first.received.length === 0;
    });
    expect(await send('POST', '/collect')).toBe(200);
    expect(first.received).toEqual([]);

    first.isReady = true;
    await until(async () => {
      await send('POST', '/collect');
      return first.received.length > 0;
    });
  });

  it('tries a request elsewhere that found no connection, and soon asks the others alone', async () => {
    const [first, second] = instances;
    await first.stop();
    // A pixel: the Caddy of Debian loses a body at the first attempt, which newer ones do not.
    const pixels = Array.from({ length: 10 }, (_, index) => `/px.gif?event_id=${index}`);
    for (const path of pixels) {
      expect(await send('GET', path)).toBe(200);
    }
    expect(second.received).toEqual(pixels.map((path) => `GET ${path}`));

    await until(async () => {
      const statuses = [await send('POST', '/collect'), await send('POST', '/collect')];
      return statuses.every((status) => status === 200);
    });
  });

  it('sends a POST once, although its answer is lost', async () => {
    instances.forEach((instance) => (instance.cutsOff = true));
    expect(await send('POST', '/collect')).toBe(502);
    expect(received()).toEqual(['POST /collect']);
  });

  it('sends a pixel to one instance alone, although its answer is lost', async () => {
    instances.forEach((instance) => (instance.cutsOff = true));
    expect(await send('GET', '/px.gif')).toBe(502);
    expect(instances.filter((instance) => instance.received.length > 0)).toHaveLength(1);
  });

  it('gets a script from the other instance when its answer is lost', async () => {
    const [first] = instances;
    first.cutsOff = true;
    expect(await send('GET', '/pixel.js')).toBe(200);
    expect(await send('GET', '/pixel.js')).toBe(200);
    expect(first.received.length).toBeGreaterThan(0);
  });

  it('does not take an instance that cut a client off for a broken one', async () => {
    const [first] = instances;
    first.cutsOff = true;
    for (let count = 0; count < 10; count += 1) {
      await send('POST', '/collect');
    }
    expect(first.received.length).toBeGreaterThan(1);
  });
});
