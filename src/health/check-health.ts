import type { ListenAddress } from '../config/readers.js';

const TIMEOUT_MS = 3000;

/**
 * Asks the collector on this machine whether it is alive.
 * @returns what it says
 * @throws Error that says why it is not
 */
export async function checkHealth({ host, port }: ListenAddress): Promise<string> {
  const url = `http://${reachable(host)}:${port}/healthz`;
  let response: Response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    const { cause, message } = error as Error;
    throw new Error(`no answer from ${url}: ${cause instanceof Error ? cause.message : message}`, {
      cause: error,
    });
  }
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return response.text();
}

/** An address that stands for all interfaces is asked on loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
