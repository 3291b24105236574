import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { holdUp, Turns } from '../../test/support/servers/event-loop.js';
import { limitTurns } from './limit-turns.js';

const MAX = 4;

let server: Server;
const clients: Socket[] = [];

afterEach(() => {
  clients.splice(0).forEach((client) => client.destroy());
  server.close();
});

async function serve(handler: RequestListener): Promise<number> {
  server = createServer(handler);
  limitTurns(server, MAX);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function dial(port: number, count: number): Promise<Socket[]> {
  const dialled = Array.from({ length: count }, () => connect(port, '127.0.0.1'));
  clients.push(...dialled);
  await Promise.all(dialled.map((client) => once(client, 'connect')));
  return dialled;
}

const ask = (client: Socket, path: string): boolean =>
  client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);

it('begins at most so many requests in one turn, all of them, in the order in which they came', async () => {
  const turns = new Turns();
  const begunIn: number[] = [];
  const begun: string[] = [];
  const port = await serve((request, response) => {
    begunIn.push(turns.count);
    begun.push(request.url ?? '');
    response.end('ok');
  });
  const pipeline = Array.from({ length: 10 }, (_, n) => `/${n}`);
  const [one, ...others] = (await dial(port, 21)) as [Socket, ...Socket[]];
  pipeline.forEach((path) => ask(one, path));
  others.forEach((client) => ask(client, '/other'));
  holdUp(50);
  await vi.waitUntil(() => begun.length === 30);
  turns.stop();

  const inOneTurn = Map.groupBy(begunIn, (number) => number);
  expect(Math.max(...Array.from(inOneTurn.values(), ({ length }) => length))).toBe(MAX);
  expect(begun.filter((path) => path !== '/other')).toEqual(pipeline);
});

it('does not begin what waited when its client has gone', async () => {
  const begun = new Set<Socket>();
  const sockets: Socket[] = [];
  const port = await serve(({ socket }, response) => {
    begun.add(socket);
    if (begun.size === MAX) {
      sockets.filter((each) => !begun.has(each)).forEach((waiting) => waiting.destroy());
    }
    response.end('ok');
  });
  server.on('connection', (socket) => sockets.push(socket));
  const dialled = await dial(port, MAX + 3);
  await vi.waitUntil(() => sockets.length === dialled.length);
  const ended = Promise.all(
    dialled.map(
      (client) =>
        new Promise((resolve) => {
          client.once('data', resolve).once('error', resolve);
        }),
    ),
  );
  dialled.forEach((client) => ask(client, '/'));
  holdUp(50);
  await ended;

  const [last] = (await dial(port, 1)) as [Socket];
  ask(last, '/last');
  await once(last, 'data');
  expect(begun.size).toBe(MAX + 1);
});
