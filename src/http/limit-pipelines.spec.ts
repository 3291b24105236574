import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { limitPipelines } from './limit-pipelines.js';

const MAX = 8;
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

let server: Server;
/** Each answers a request that was begun. */
let answers: (() => void)[];
const clients: Socket[] = [];

beforeEach(async () => {
  answers = [];
  server = createServer((_, response) => answers.push(() => response.end('ok')));
  limitPipelines(server, MAX);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  clients.splice(0).forEach((client) => client.destroy());
  server.close();
});

function send(text: string): { socket: Socket; received: string; closed: boolean } {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  clients.push(socket);
  const client = { socket, received: '', closed: false };
  socket.on('data', (bytes: Buffer) => (client.received += bytes.toString()));
  socket.on('error', () => {});
  socket.on('close', () => (client.closed = true));
  socket.write(text);
  return client;
}

it('answers a pipeline within the limit, in order', async () => {
  const client = send(REQUEST.repeat(MAX + 1));
  await vi.waitFor(() => expect(answers).toHaveLength(MAX + 1));
  answers.forEach((answer) => answer());
  await vi.waitFor(() => expect(client.received.match(/ 200 OK/g)).toHaveLength(MAX + 1));
  expect(client.closed).toBe(false);
});

it('cuts the one that goes beyond it, and begins nothing of the rest', async () => {
  const client = send(REQUEST.repeat(500));
  await vi.waitFor(() => expect(client.closed).toBe(true));
  expect(answers).toHaveLength(MAX + 1);
});

it('limits all connections together, and leaves those alone that do not pipeline', async () => {
  send(REQUEST.repeat(MAX + 1));
  await vi.waitFor(() => expect(answers).toHaveLength(MAX + 1));
  const another = send(REQUEST.repeat(2));
  const single = send(REQUEST);
  await vi.waitFor(() => expect(another.closed).toBe(true));
  await vi.waitFor(() => expect(answers).toHaveLength(MAX + 3));
  answers.at(-1)?.();
  answers.at(-2)?.();
  await vi.waitFor(() => expect(single.received).toContain(' 200 OK'));
});

it('has room again once a pipeline was answered, or has gone', async () => {
  for (const over of ['answered', 'gone', 'answered']) {
    const client = send(REQUEST.repeat(MAX + 1));
    await vi.waitFor(() => expect(answers).toHaveLength(MAX + 1));
    if (over === 'gone') {
      client.socket.destroy();
      await vi.waitFor(async () => {
        const { promise, resolve } = Promise.withResolvers<number>();
        server.getConnections((_, count) => resolve(count));
        expect(await promise).toBe(1);
      });
    } else {
      answers.forEach((answer) => answer());
      await vi.waitFor(() => expect(client.received.match(/ 200 OK/g)).toHaveLength(MAX + 1));
    }
    answers = [];
  }
});
