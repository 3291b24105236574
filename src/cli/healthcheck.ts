import { get, type IncomingMessage } from 'node:http';
import { get as getOverTls } from 'node:https';
import { loadOptions } from '../config/load-options.js';
import type { ListenAddress } from '../config/parsers.js';
import { RoleOptions } from '../config/role.options.js';
import { HttpOptions } from '../http/http.options.js';
import { print } from './print.js';

const TIMEOUT_MS = 3000;

/** How TLS 1.3 and 1.2 say that a client brings no certificate: the process that says so is alive. */
const WANTS_CERTIFICATE: ReadonlySet<string | undefined> = new Set([
  'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
]);

/** The server that says how the process is. */
interface Asked {
  readonly address: ListenAddress;
  readonly https: boolean;
  /** It serves only those who bring a certificate. */
  readonly asksForCertificate: boolean;
}

/**
 * Asks the collector on this machine whether it is alive. Whether it could start again is not asked: it may serve
 * well while its certificate is replaced. A container runs this every few seconds, so it loads only what it needs.
 * @throws Error that says why the collector is not alive
 */
export async function run(): Promise<number> {
  const { address, https, asksForCertificate } = await serverToAsk();
  const url = `${https ? 'https' : 'http'}://${reachable(address.host)}:${address.port}/healthz`;
  const { status, body } = await ask(url).catch((error: NodeJS.ErrnoException) => {
    if (asksForCertificate && WANTS_CERTIFICATE.has(error.code)) {
      return { status: 200, body: 'OK, it asks for a client certificate' };
    }
    throw new Error(`no answer from ${url}: ${error.message}`, { cause: error });
  });
  if (status !== 200) {
    throw new Error(`${url} answers ${status}`);
  }
  print(body);
  return 0;
}

/** What only delivers has health on the metrics address alone. */
async function serverToAsk(): Promise<Asked> {
  if (loadOptions(RoleOptions).role !== 'deliver') {
    const { address, https } = loadOptions(HttpOptions);
    return { address, https, asksForCertificate: false };
  }
  const { MetricsOptions } = await import('../metrics/metrics.options.js');
  const { address, tlsFiles } = loadOptions(MetricsOptions);
  return {
    address,
    https: tlsFiles !== undefined,
    asksForCertificate: tlsFiles?.clientCa !== undefined,
  };
}

/** `fetch` is not used: it refuses the ports that browsers block, 6000 and 10080 among them. */
function ask(url: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) };
    const onResponse = (response: IncomingMessage): void => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (body += piece));
      response.on('end', () => resolve({ status: response.statusCode, body }));
      response.on('error', reject);
    };
    const request = url.startsWith('https:')
      ? // The certificate is for the name that clients use, not for this address, and nothing secret is sent.
        getOverTls(url, { ...options, rejectUnauthorized: false }, onResponse)
      : get(url, options, onResponse);
    request.on('error', reject);
  });
}

/** The collector is asked on loopback when it listens on all interfaces. */
function reachable(host: string): string {
  if (host === '0.0.0.0') {
    return '127.0.0.1';
  }
  if (host === '::') {
    return 'localhost';
  }
  return host.includes(':') ? `[${host}]` : host;
}
