import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { ServerCertificate } from './server-certificate.js';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Fingerprint of the certificate that the server showed. */
  readonly certificate: string;
}

/** One request over TLS to 127.0.0.1, without an `agent` on a connection of its own. */
export function ask(port: number, path: string, options: RequestOptions): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { agent: false, host: '127.0.0.1', port, path, ...options },
      (response) => {
        const certificate = (response.socket as TLSSocket).getPeerCertificate().fingerprint256;
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => (body += piece));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body,
            certificate,
          }),
        );
      },
    );
    asking.on('error', reject);
    asking.end();
  });
}

/** @returns the version that was agreed on; throws what ended the handshake */
export async function handshake(port: number, options: ConnectionOptions): Promise<string | null> {
  const socket = connect({ host: '127.0.0.1', port, ...options });
  try {
    await once(socket, 'secureConnect');
    return socket.getProtocol();
  } finally {
    socket.destroy();
  }
}

/** All that the server says to a client that asks right after its side of the handshake. */
export async function answerTo(
  port: number,
  text: string,
  options: ConnectionOptions,
): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ...options });
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  // How it ended is not asked here.
  socket.on('error', () => {});
  socket.write(text);
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

export function fingerprintOf({ cert }: Pick<ServerCertificate, 'cert'>): string {
  return new X509Certificate(readFileSync(cert)).fingerprint256;
}

/** What a client with that certificate gives to `ask` and the others. */
export function as({ cert, key }: ServerCertificate): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(cert), key: readFileSync(key) };
}
