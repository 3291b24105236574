import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, expect, it, vi } from 'vitest';
import { CertificateAuthority } from '../../test/support/servers/server-certificate.js';
import { limitConnections } from './limit-connections.js';

const MAX = 4;
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

const servers: Server[] = [];
const clients: Client[] = [];

afterEach(() => {
  clients.splice(0).forEach((client) => client.socket.destroy());
  servers.splice(0).forEach((server) => server.close());
});

class Client {
  answers = '';
  closed = false;

  constructor(readonly socket: Socket) {
    clients.push(this);
    socket.on('data', (bytes: Buffer) => (this.answers += bytes.toString()));
    socket.on('error', () => {});
    socket.on('close', () => (this.closed = true));
  }

  /** Sends a request and waits for its answer. */
  async ask(): Promise<void> {
    const before = this.answers.length;
    this.socket.write(REQUEST);
    await vi.waitUntil(() => this.answers.length > before);
  }
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  limitConnections(server, MAX);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function serve(handler: RequestListener = (_, response) => response.end('ok')): Promise<number> {
  return listen(createServer(handler));
}

async function dial(port: number): Promise<Client> {
  const server = servers[0] as Server;
  const arrived = once(server, 'connection');
  const client = new Client(connect(port, '127.0.0.1'));
  await arrived;
  return client;
}

async function dialMany(port: number, count: number): Promise<Client[]> {
  const dialled: Client[] = [];
  for (let n = 0; n < count; n += 1) {
    dialled.push(await dial(port));
  }
  return dialled;
}

const closedAmong = (dialled: readonly Client[]): number[] =>
  dialled.flatMap(({ closed }, n) => (closed ? [n] : []));

it('gives a new connection the place of the one that has said nothing for longest', async () => {
  const port = await serve();
  const silent = await dialMany(port, MAX);
  const newcomer = await dial(port);
  await newcomer.ask();
  await vi.waitFor(() => expect(closedAmong(silent)).toEqual([0]));
});

it('spares those who were answered since the last look, for as long as others were not', async () => {
  const port = await serve();
  const [first, second, third, fourth] = (await dialMany(port, MAX)) as [
    Client,
    Client,
    Client,
    Client,
  ];
  for (let round = 0; round < 3; round += 1) {
    await first.ask();
    await (await dial(port)).ask();
  }
  await vi.waitFor(() => expect(closedAmong([second, third, fourth])).toEqual([0, 1, 2]));
  expect(first.closed).toBe(false);
});

it('frees the place of one that was answered once and only holds its connection now', async () => {
  const port = await serve();
  const holders = await dialMany(port, MAX);
  await Promise.all(holders.map((holder) => holder.ask()));
  const newcomer = await dial(port);
  await newcomer.ask();
  await vi.waitFor(() => expect(closedAmong(holders)).toHaveLength(1));
});

it('spares one whose request is still arriving while others do nothing any more', async () => {
  const port = await serve();
  const done = await dialMany(port, MAX - 1);
  await Promise.all(done.map((client) => client.ask()));
  const [sending] = (await dialMany(port, 1)) as [Client];
  sending.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n');
  await (await dial(port)).ask();
  await vi.waitFor(() => expect(closedAmong(done)).toHaveLength(1));
  expect(sending.closed).toBe(false);
});

it('takes an idle one, and not one whose request is arriving, while most are being answered for the first time', async () => {
  const port = await serve((request, response) => {
    if (request.url === '/') {
      response.end('ok');
    }
  });
  const idle = await dial(port);
  await idle.ask();
  const busy = await dialMany(port, MAX - 2);
  await Promise.all(
    busy.map(async ({ socket }) => {
      const begun = once(servers[0] as Server, 'request');
      socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
      await begun;
    }),
  );
  const sending = await dial(port);
  const begun = once(servers[0] as Server, 'request');
  sending.socket.write('POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n');
  await begun;
  await (await dial(port)).ask();
  await vi.waitFor(() => expect(idle.closed).toBe(true));
  expect([...busy, sending].map(({ closed }) => closed)).toEqual([false, false, false]);
});

it('spares one that was answered and sends its next request', async () => {
  const port = await serve();
  const clientsOfBefore = await dialMany(port, MAX);
  await Promise.all(clientsOfBefore.map((client) => client.ask()));
  await (await dial(port)).ask();
  await vi.waitFor(() => expect(closedAmong(clientsOfBefore)).toEqual([0]));
  const begun = once(servers[0] as Server, 'request');
  clientsOfBefore[1]?.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n');
  await begun;
  await (await dial(port)).ask();
  await vi.waitFor(() => expect(closedAmong(clientsOfBefore)).toEqual([0, 2]));
});

it('takes one that sent nothing before one whose request is arriving', async () => {
  const port = await serve((request, response) => {
    request.on('end', () => response.end('ok')).resume();
  });
  const sending = await dial(port);
  const begun = once(servers[0] as Server, 'request');
  sending.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n');
  await begun;
  const silent = await dialMany(port, MAX - 1);
  await (await dial(port)).ask();
  await vi.waitFor(() => expect(closedAmong(silent)).toEqual([0]));
  expect(sending.closed).toBe(false);
});

it('lets a flood of half requests drive out only itself, and not one that has sent nothing yet', async () => {
  const port = await serve();
  const inUse = await dial(port);
  await inUse.ask();
  const flood = await dialMany(port, MAX - 2);
  flood.forEach(({ socket }) => socket.write('GET / HTTP/1.1\r\nX-'));
  await inUse.ask();
  const silent = await dial(port);
  await dial(port);
  await vi.waitFor(() => expect(closedAmong(flood)).toEqual([0]));
  await silent.ask();
  await inUse.ask();
});

it('lets a flood of new connections drive out only itself', async () => {
  const port = await serve();
  const inUse = await dial(port);
  await inUse.ask();
  // All of them are accepted before anyone is answered again.
  const flood = Array.from({ length: 50 }, () => new Client(connect(port, '127.0.0.1')));
  await vi.waitFor(() => expect(closedAmong(flood).length).toBeGreaterThanOrEqual(50 - MAX));
  await inUse.ask();
  expect(inUse.closed).toBe(false);
});

it.each([
  ['headers', 'GET / HTTP/1.1\r\nX-'],
  ['a body', 'POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n'],
])('does not take dribbled %s for use', async (_, beginning) => {
  const port = await serve((request, response) => {
    request.resume();
    request.on('end', () => response.end('ok'));
  });
  const dribblers = await dialMany(port, MAX);
  dribblers.forEach(({ socket }) => socket.write(beginning));
  for (let n = 0; n < MAX; n += 1) {
    dribblers.forEach(({ socket }) => socket.write('x'));
    await (await dial(port)).ask();
  }
  await vi.waitFor(() => expect(closedAmong(dribblers)).toHaveLength(MAX));
});

it('closes the new one when something is being answered on all others', async () => {
  const release: (() => void)[] = [];
  const port = await serve((_, response) => {
    release.push(() => response.end('ok'));
  });
  const busy = await dialMany(port, MAX);
  busy.forEach(({ socket }) => socket.write(REQUEST));
  await vi.waitFor(() => expect(release).toHaveLength(MAX));
  const newcomer = await dial(port);
  await vi.waitFor(() => expect(newcomer.closed).toBe(true));

  release.forEach((answer) => answer());
  await vi.waitFor(() => expect(busy.every(({ answers }) => answers.includes('ok'))).toBe(true));
  expect(closedAmong(busy)).toEqual([]);
});

it('counts a connection with TLS once, its handshake too', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gotrack-certificates-'));
  try {
    const { cert, key } = new CertificateAuthority(directory, 'authority').issue('server');
    const port = await listen(
      createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_, response) =>
        response.end('ok'),
      ),
    );
    const mute = await dialMany(port, 2);
    const tls = (): Client =>
      new Client(connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }));
    const speaking = [tls(), tls()];
    await Promise.all(speaking.map((client) => client.ask()));
    expect(closedAmong(mute)).toEqual([]);

    await tls().ask();
    await tls().ask();
    await vi.waitFor(() => expect(closedAmong(mute)).toEqual([0, 1]));
    expect(closedAmong(speaking)).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
