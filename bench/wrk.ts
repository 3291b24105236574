import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runDebianProgram } from '../test/support/servers/debian-program.js';

const PACKAGES = ['wrk', 'libluajit-5.1-2', 'libluajit-5.1-common'];
export const PIXEL =
  '/px.gif?e=pageview&url=https%3A%2F%2Fwww.example.com%2Fproducts%2Fshoes%3Futm_source%3Dnewsletter%26utm_medium%3Demail' +
  '&uid=8b7f6e5d-0c1a-4b2e-9d3f-1a2b3c4d5e6f&ref=https%3A%2F%2Fwww.google.com%2F';
const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36';

const UNITS_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

export interface Load {
  readonly requestsPerSecond: number;
  readonly requests: number;
  /** Answers other than 2xx and 3xx, and broken connections. */
  readonly failures: number;
  /** Time of an answer, milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface WrkRequest {
  /** Path and query. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent with POST; without it, the request is a GET. */
  readonly body?: string;
  /** Each comes from another client, as `X-Forwarded-For` says. */
  readonly fromEach?: boolean;
  /** Those have a browser of their own each, too. */
  readonly withAgents?: boolean;
}

/** Asks for a pixel unless told otherwise, over so many connections that are kept open, each as soon as the last one is answered. */
export async function wrk(
  port: number,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
  request: WrkRequest = { target: PIXEL },
): Promise<Load> {
  const told = await withScript(request, (script) =>
    runDebianProgram('wrk', PACKAGES, [
      '-t1',
      `-c${connections}`,
      `-d${seconds}s`,
      '--latency',
      '-s',
      script,
      `http://127.0.0.1:${port}${request.target}`,
    ]),
  );
  const number = (pattern: RegExp): number => Number(pattern.exec(told)?.[1] ?? 0);
  const milliseconds = (percent: number): number => {
    const [, value, unit = 'ms'] = new RegExp(`${percent}% +([\\d.]+)(us|ms|s)`).exec(told) ?? [];
    return Number(value) * (UNITS_MS[unit] ?? 1);
  };
  return {
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    requests: number(/(\d+) requests in/),
    failures:
      number(/Non-2xx or 3xx responses: (\d+)/) +
      number(/connect (\d+)/) +
      number(/read (\d+)/) +
      number(/timeout (\d+)/),
    p50Ms: milliseconds(50),
    p99Ms: milliseconds(99),
  };
}

async function withScript<T>(request: WrkRequest, use: (path: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-wrk-'));
  try {
    const path = join(directory, 'request.lua');
    await writeFile(path, scriptOf(request));
    return await use(path);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** JSON's texts are Lua's, as long as they are ASCII. */
function scriptOf({
  headers = {},
  body,
  fromEach = false,
  withAgents = false,
}: WrkRequest): string {
  const all = Object.entries({ 'User-Agent': USER_AGENT, ...headers });
  return [
    ...(body === undefined ? [] : ['wrk.method = "POST"', `wrk.body = ${JSON.stringify(body)}`]),
    ...all.map(([name, value]) => `wrk.headers["${name}"] = ${JSON.stringify(value)}`),
    ...(fromEach ? [fromEachWith(withAgents ? AGENT_OF_EACH : '')] : []),
  ].join('\n');
}

const AGENT_OF_EACH = 'wrk.headers["User-Agent"] = agent .. " " .. n';

const fromEachWith = (more: string): string => `
local n = 0
local agent = wrk.headers["User-Agent"]
function request()
  n = n + 1
  wrk.headers["X-Forwarded-For"] =
    string.format("10.%d.%d.%d", n / 65536 % 256, n / 256 % 256, n % 256)
  ${more}
  return wrk.format()
end`;
