import { runDebianProgram } from '../test/support/servers/debian-program.js';

const PACKAGES = ['wrk', 'libluajit-5.1-2', 'libluajit-5.1-common'];
const PIXEL =
  '/px.gif?e=pageview&url=https%3A%2F%2Fwww.example.com%2Fproducts%2Fshoes%3Futm_source%3Dnewsletter%26utm_medium%3Demail' +
  '&uid=8b7f6e5d-0c1a-4b2e-9d3f-1a2b3c4d5e6f&ref=https%3A%2F%2Fwww.google.com%2F';
const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36';

export interface Load {
  readonly requestsPerSecond: number;
  readonly requests: number;
  /** Answers other than 2xx and 3xx, and broken connections. */
  readonly failures: number;
}

/** Asks for a pixel, over so many connections that are kept open, each as soon as the last one is answered. */
export async function wrk(
  port: number,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
): Promise<Load> {
  const told = await runDebianProgram('wrk', PACKAGES, [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '-H',
    `User-Agent: ${USER_AGENT}`,
    `http://127.0.0.1:${port}${PIXEL}`,
  ]);
  const number = (pattern: RegExp): number => Number(pattern.exec(told)?.[1] ?? 0);
  return {
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    requests: number(/(\d+) requests in/),
    failures:
      number(/Non-2xx or 3xx responses: (\d+)/) +
      number(/connect (\d+)/) +
      number(/read (\d+)/) +
      number(/timeout (\d+)/),
  };
}
