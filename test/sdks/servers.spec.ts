import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoggedEvent, Workplace } from '../support/servers/collector.js';
import { TcpProxy } from '../support/servers/tcp-proxy.js';
import {
  goProgram,
  hasTool,
  javaProgram,
  nodeProgram,
  type Program,
  pythonProgram,
} from './install.js';

/** `npm test` runs one SDK for each form of requests, `npm run test:sdks` all. */
const ALL = process.env['SDKS'] === 'all';
const KEY = 'write-key';
const UUID_V7 = /^[\da-f]{8}-[\da-f]{4}-7/;

interface Sdk {
  readonly name: string;
  readonly tools: readonly string[];
  readonly always: boolean;
  readonly program: () => Promise<Program>;
  readonly environment?: Record<string, string>;
}

const SDKS: readonly Sdk[] = [
  {
    name: '@segment/analytics-node',
    tools: ['npm'],
    always: true,
    program: () => nodeProgram('@segment/analytics-node', 'segment-node.mjs'),
  },
  {
    name: '@rudderstack/rudder-sdk-node',
    tools: ['npm'],
    always: true,
    program: () => nodeProgram('@rudderstack/rudder-sdk-node', 'rudder-node.mjs'),
  },
  {
    name: 'segment-analytics-python, gzip',
    tools: ['python3'],
    always: true,
    program: pythonProgram,
    environment: { GZIP: 'true' },
  },
  {
    name: 'segment-analytics-python',
    tools: ['python3'],
    always: false,
    program: pythonProgram,
  },
  {
    name: 'github.com/segmentio/analytics-go/v3',
    tools: ['go'],
    always: false,
    program: goProgram,
  },
  {
    name: 'com.segment.analytics.java:analytics',
    tools: ['mvn', 'java'],
    always: true,
    program: javaProgram,
  },
];

let workplace: Workplace;
let children: ChildProcess[];

beforeEach(async () => {
  workplace = await Workplace.create();
  children = [];
});

afterEach(async () => {
  children.filter(({ exitCode }) => exitCode === null).forEach((child) => child.kill('SIGKILL'));
  await workplace.remove();
});

interface Running {
  readonly output: string[];
  readonly exited: Promise<unknown>;
  readonly child: ChildProcess;
}

async function begin({ program, environment }: Sdk, mode: string, url: string): Promise<Running> {
  const { command, args } = await program();
  const child = spawn(command, [...args, mode], {
    env: { ...process.env, ...environment, COLLECTOR: url, WRITE_KEY: KEY },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const output: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => output.push(line));
  createInterface({ input: child.stderr }).on('line', (line) => output.push(line));
  return { output, child, exited: once(child, 'close') };
}

function startCollector() {
  return workplace.start({ INGEST_API_KEYS: `sdk:${KEY}`, REQUIRE_API_KEY: 'true' });
}

function only(events: readonly LoggedEvent[], type: string): LoggedEvent {
  const found = events.filter((event) => event.type === type);
  expect({ type, count: found.length }).toEqual({ type, count: 1 });
  return found[0] as LoggedEvent;
}

function expectAllCalls(events: readonly LoggedEvent[]): void {
  const page = {
    route: { domain: 'shop.example', path: '/cart', title: 'Cart' },
    url: { utm: { source: 'mail' } },
    session: { visitor_id: 'a-1' },
  };
  expect(only(events, 'Signed up 🎉')).toMatchObject({
    ...page,
    event_id: 'm-1',
    user: { id: 'u-1' },
    props: { plan: 'né', nested: { n: 1.5 } },
  });
  expect(only(events, 'pageview')).toMatchObject({ ...page, props: { name: 'Cart', price: 3 } });
  expect(only(events, 'screenview')).toMatchObject({
    user: { id: 'u-1' },
    props: { name: 'Start' },
  });
  expect(only(events, 'identify')).toMatchObject({
    user: { id: 'u-1', traits: { city: 'Zürich' } },
  });
  expect(only(events, 'group')).toMatchObject({
    user: { id: 'u-1', group_id: 'g-1', traits: { size: 4 } },
  });
  expect(only(events, 'alias')).toMatchObject({ user: { id: 'u-1', previous_id: 'u-0' } });
  const many = events.filter(({ type }) => type === 'Many').map(({ props }) => props?.['n']);
  expect(many.toSorted((a, b) => Number(a) - Number(b))).toEqual(
    Array.from({ length: 250 }, (_, n) => n),
  );
  expect(events).toHaveLength(256);
  expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(256);
  // The SDK gave each its id, a time that could be used, and said who it is.
  expect(events.filter(({ event_id }) => UUID_V7.test(event_id))).toEqual([]);
  expect(events.filter(({ props }) => props && 'client_ts' in props)).toEqual([]);
  for (const { props, server, device } of events) {
    expect(props?.['context']).toHaveProperty('library.name');
    expect(server).toMatchObject({ source: 'sdk' });
    expect((device as { ua?: string } | undefined)?.ua).toBeUndefined();
  }
}

for (const sdk of SDKS.filter(({ always }) => always || ALL)) {
  const missing = sdk.tools.filter((tool) => !hasTool(tool));
  const lacks = missing.length > 0 ? ` (needs ${missing.join()})` : '';
  describe.skipIf(missing.length > 0)(`${sdk.name}${lacks}`, () => {
    it('sends every call and a flush at its exit, each event once', async () => {
      const collector = await startCollector();
      const { output, exited, child } = await begin(sdk, 'all', collector.url);
      await exited;
      expect({ exit: child.exitCode, output }).toMatchObject({ exit: 0 });
      await collector.drained();
      const events = await workplace.logged();
      expectAllCalls(events);
      expect(JSON.stringify(events)).not.toContain(KEY);
      expect(await collector.metric('gotrack_events_rejected_total')).toBe(0);
    });

    it('sends again what the collector did not get at first', async () => {
      const collector = await startCollector();
      const way = new TcpProxy({ host: '127.0.0.1', port: collector.port });
      await way.open();
      way.cutOnce(() => ({ bytes: 0 }));
      try {
        const url = `http://127.0.0.1:${way.port}`;
        const { output, exited, child } = await begin(sdk, 'away', url);
        await exited;
        expect({ exit: child.exitCode, output }).toMatchObject({ exit: 0 });
        await collector.drained();
        const stored = await workplace.logged();
        expect(stored).toMatchObject([{ type: 'While away', user: { id: 'u-1' } }]);
      } finally {
        await way.close();
      }
    });
  });
}
