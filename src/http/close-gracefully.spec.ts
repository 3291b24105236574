import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createAdapter } from './create-adapter.js';

const running: FastifyAdapter[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((adapter) => adapter.close()));
});

/** `/` answers at once, `/held` when `release` was called. */
async function start(closingGraceMs = 5_000) {
  const adapter = createAdapter({
    maxConnections: 1000,
    maxPipelinedRequests: 1000,
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    keepAliveTimeoutMs: 65_000,
    closing: { lingerMs: 1_000, graceMs: closingGraceMs },
  });
  running.push(adapter);
  const fastify = adapter.getInstance();
  const held = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  fastify.get('/', () => 'ok');
  fastify.get('/held', async () => {
    reached.resolve();
    await held.promise;
    return 'late';
  });
  await fastify.listen({ host: '127.0.0.1', port: 0 });
  const { port } = fastify.server.address() as AddressInfo;
  return { adapter, port, reached: reached.promise, release: held.resolve };
}

async function ask(port: number, agent: Agent): Promise<IncomingMessage> {
  const outgoing = request({ host: '127.0.0.1', port, agent, path: '/' });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  await text(response);
  return response;
}

async function dial(port: number, sent = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(sent);
  return socket;
}

describe('a server that closes', () => {
  it('resets no connection of clients that keep asking', async () => {
    const { adapter, port } = await start();
    const faults: unknown[] = [];
    let answered = 0;
    const client = async (): Promise<void> => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (;;) {
        try {
          await ask(port, agent);
          answered += 1;
        } catch (error) {
          // The server is gone, and says so to those who connect again.
          if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') {
            return;
          }
          faults.push(error);
          return;
        } finally {
          if (answered === 200) {
            void adapter.close();
          }
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, client));
    expect(faults).toEqual([]);
    expect(answered).toBeGreaterThan(200);
  });

  it('answers the last request of an idle connection and then closes it', async () => {
    const { adapter, port } = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await ask(port, agent)).headers.connection).toBe('keep-alive');
    const closed = adapter.close();
    expect((await ask(port, agent)).headers.connection).toBe('close');
    await closed;
  });

  it('finishes the requests under way', async () => {
    const { adapter, port, reached, release } = await start();
    const socket = await dial(port, 'GET /held HTTP/1.1\r\nHost: x\r\n\r\n');
    await reached;
    const closed = adapter.close();
    await vi.waitFor(() => expect(adapter.getHttpServer().listening).toBe(false));
    release();
    expect(await text(socket)).toMatch(/^HTTP\/1.1 200 [^]*connection: close[^]*late$/i);
    await closed;
  });

  it('closes connections that were opened ahead of need, or stay idle', async () => {
    const { adapter, port } = await start();
    await dial(port);
    await ask(port, new Agent({ keepAlive: true }));
    await expect(adapter.close()).resolves.toBeUndefined();
  });

  it('cuts what does not finish within its grace', async () => {
    const { adapter, port, reached } = await start(50);
    const stuck = await dial(port, 'GET /held HTTP/1.1\r\nHost: x\r\n\r\n');
    const half = await dial(port, 'GET / HTTP/1.1\r\nHo');
    await reached;
    await Promise.all([adapter.close(), text(stuck).catch(() => ''), text(half).catch(() => '')]);
    expect(stuck.destroyed && half.destroyed).toBe(true);
  });
});
