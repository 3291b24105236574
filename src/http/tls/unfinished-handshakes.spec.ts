import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { type AddressInfo, connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CertificateAuthority } from '../../../test/support/servers/server-certificate.js';
import { UnfinishedHandshakes } from './unfinished-handshakes.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gotrack-certificates-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('cuts those who have not finished theirs, and leaves alone those who have', async () => {
  const { cert, key } = new CertificateAuthority(directory, 'authority').issue('server');
  const server = createServer(
    { cert: readFileSync(cert), key: readFileSync(key), handshakeTimeout: 3_600_000 },
    (_, response) => response.end('ok'),
  );
  const handshakes = new UnfinishedHandshakes(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const accepted = once(server, 'secureConnection');
  const finished = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await Promise.all([once(finished, 'secureConnect'), accepted]);
  const dialled = once(server, 'connection');
  const mute = dial(port, '127.0.0.1').resume();
  await dialled;
  const muteClosed = once(mute, 'close');

  handshakes.cut();
  await muteClosed;
  finished.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  expect(String(await once(finished, 'data'))).toMatch(/^HTTP\/1\.1 200 /);
  server.close();
  await once(server, 'close');
});
