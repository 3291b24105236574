import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CertificateAuthority,
  type ServerCertificate,
} from '../../../test/support/servers/server-certificate.js';
import { Connections } from './retire-connections.js';

const GRACE_MS = 50;
/** Beyond the patience of a test. */
const NEVER_MS = 3_600_000;
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

let directory: string;
let certificate: ServerCertificate;
let server: Server;
let connections: Connections;
/** Answers that the server has not given yet. */
let held: (() => void)[];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gotrack-certificates-'));
  certificate = new CertificateAuthority(directory, 'authority').issue('server');
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

beforeEach(async () => {
  held = [];
  // No time of Node's own ends a connection here.
  const patient = { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 };
  const [cert, key] = [readFileSync(certificate.cert), readFileSync(certificate.key)];
  server = createServer({ ...patient, cert, key }, ({ url }, response) => {
    if (url === '/held') {
      held.push(() => response.end('late'));
    } else {
      response.end('ok');
    }
  });
  connections = new Connections(server, 0);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function open(): Promise<{ socket: TLSSocket; closed: Promise<string> }> {
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'secureConnection');
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await Promise.all([once(socket, 'secureConnect'), accepted]);
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  socket.on('error', () => {});
  return {
    socket,
    closed: new Promise((resolve) => socket.once('close', () => resolve(received))),
  };
}

async function openIdle(): Promise<{ socket: TLSSocket; closed: Promise<string> }> {
  const opened = await open();
  opened.socket.write(REQUEST);
  await once(opened.socket, 'data');
  return opened;
}

describe('Connections', () => {
  it('retires a connection with the answer to its next request, and says so to the client', async () => {
    const { socket, closed } = await openIdle();
    connections.retire();
    socket.write(REQUEST);
    const [kept, last] = (await closed).split(/(?<=ok)/);
    expect(kept).toMatch(/connection: keep-alive/i);
    expect(last).toMatch(/^HTTP\/1\.1 200 [^]*connection: close/i);
  });

  it('leaves those alone that come after', async () => {
    connections.retire();
    const { socket } = await openIdle();
    socket.write(REQUEST);
    expect(String(await once(socket, 'data'))).toMatch(/connection: keep-alive/i);
  });

  it.each(['retire', 'cut'] as const)(
    '%ss a connection with the answer that is under way',
    async (end) => {
      const { socket, closed } = await open();
      socket.write(REQUEST.replace('/', '/held'));
      await expect.poll(() => held.length).toBe(1);
      connections[end](NEVER_MS);
      held[0]?.();
      expect(await closed).toMatch(/connection: close[^]*late$/i);
    },
  );

  it('cuts the idle at once', async () => {
    const { closed } = await openIdle();
    connections.cut(NEVER_MS);
    expect(await closed).toMatch(/ok$/);
  });

  it('cuts what is neither idle nor ends, after the grace', async () => {
    const silent = await open();
    const unfinished = await open();
    unfinished.socket.write('GET / HTTP/1.1\r\n');
    const busy = await open();
    busy.socket.write(REQUEST.replace('/', '/held'));
    await expect.poll(() => held.length).toBe(1);
    connections.cut(GRACE_MS);
    expect(await Promise.all([silent.closed, unfinished.closed, busy.closed])).toEqual([
      '',
      '',
      '',
    ]);
  });
});
