import { isUtf8 } from 'node:buffer';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, request } from 'node:http';
import { Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isEventId } from '../../src/event/event-id.js';
import { NumberLiteral } from '../../src/event/number-literal.js';
import { parseJson } from '../../src/event/parse-json.js';
import { type EventContext, prepareEvent } from '../../src/event/prepare-event.js';
import { BodyReader } from '../../src/ingestion/body/body-reader.js';
import { decodeText } from '../../src/ingestion/body/decode-text.js';
import type { BodyForm } from '../../src/ingestion/body/media-type.js';
import { RecordingObserver } from '../support/fakes/recording-observer.js';
import { BodyBudget } from '../../src/ingestion/body/body-budget.js';
import { HttpError } from '../../src/http/errors.js';
import { IngestionOptions } from '../../src/ingestion/ingestion.options.js';
import { parseEvents } from '../../src/ingestion/collect/parse-events.js';
import { UnreadElement } from '../../src/ingestion/unread-element.js';
import { balancedBooks } from '../support/load/books.js';
import { type Collector, sumOf, Workplace } from '../support/servers/collector.js';
import { type HostileBody, hostileBody } from '../support/load/hostile-bodies.js';
import { listOf } from '../support/work.js';
import { resultOf } from '../../src/event/work.js';
import { runs } from './runs.js';

const MAX_EVENTS = 10;
const MAX_BODY_BYTES = 65_536;
const MAX_EVENT_BYTES = 8192;
const limits = {
  maxBatchEvents: MAX_EVENTS,
  maxEventBytes: MAX_EVENT_BYTES,
  removals: { sanitizers: [], visitor: false, fieldRules: undefined },
};
const REFUSALS = [400, 413, 415];

/** NUL in the name of a nested member: a reading that looked at the outer names alone took it for changed. */
const NESTED_NAME: HostileBody = {
  contentType: 'application/json',
  contentEncoding: undefined,
  bytes: Buffer.from(String.raw`{"props":{"session":{"\u0000":null}}}`),
};

/** Answered 202, 400, 413 and 415: whatever the random ones are, none is missing. */
const ONE_OF_EACH_ANSWER = [
  ['application/json', '{}'],
  ['application/json', '{'],
  ['application/json', 'x'.repeat(MAX_BODY_BYTES + 1)],
  ['text/html', '{}'],
].map(([contentType, text = '']): HostileBody => {
  return { contentType, contentEncoding: undefined, bytes: Buffer.from(text) };
});

const options = Object.assign(new IngestionOptions(), { maxBodyBytes: MAX_BODY_BYTES });
const budget = new BodyBudget(Number.MAX_SAFE_INTEGER);
const reader = new BodyReader(options, budget, new RecordingObserver());
const context: EventContext = {
  receivedAtMs: Date.parse('2026-11-26T10:00:00.000Z'),
  server: { ip: '203.0.113.0' },
  userAgent: 'an agent',
  anonymous: false,
  sanitizer: undefined,
  maxEventBytes: MAX_EVENT_BYTES,
};

interface Body {
  readonly form: BodyForm;
  readonly text: string;
}

/** Gives the body to the reader as a server does, in pieces. */
async function read({ contentType, contentEncoding, bytes }: HostileBody): Promise<Body> {
  const middle = Math.floor(bytes.length / 3);
  const pieces = [bytes.subarray(0, middle), bytes.subarray(middle)].filter(
    (piece) => piece.length > 0,
  );
  const headers = {
    'content-length': String(bytes.length),
    ...(contentType !== undefined && { 'content-type': contentType }),
    ...(contentEncoding !== undefined && { 'content-encoding': contentEncoding }),
  };
  const incoming = Object.assign(Readable.from(pieces), { headers, socket: new EventEmitter() });
  const response = new EventEmitter();
  try {
    const body = await reader.read(
      incoming as unknown as IncomingMessage,
      response as unknown as ServerResponse,
    );
    return { form: body.form, text: resultOf(decodeText(body.bytes)) };
  } finally {
    response.emit('close');
  }
}

/** How many elements a reading without any of our code finds; undefined when it is no list of them. */
function countOf({ form, text }: Body): number | undefined {
  if (form === 'ndjson') {
    return text.split('\n').filter((line) => line.replaceAll(/[ \t\r]/g, '') !== '').length;
  }
  try {
    const parsed: unknown = JSON.parse(text);
    const isEvent = typeof parsed === 'object' && parsed !== null;
    return Array.isArray(parsed) ? parsed.length : isEvent ? 1 : undefined;
  } catch {
    return undefined;
  }
}

/** As it is stored: what JSON cannot say is null, and what sinks cannot take is U+FFFD. */
function storable(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.toWellFormed().replaceAll('\0', '\u{FFFD}');
  }
  if (Array.isArray(value)) {
    return value.map(storable);
  }
  if (typeof value === 'object' && value !== null && !(value instanceof NumberLiteral)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [storable(name), storable(member)]),
    ) as unknown;
  }
  return typeof value === 'number' && !Number.isFinite(value) ? null : value;
}

function check(element: unknown, json: Buffer): void {
  expect(json.length).toBeLessThanOrEqual(MAX_EVENT_BYTES);
  expect(json.includes(0x0a) || json.includes(0x0d) || json.includes(0)).toBe(false);
  expect(isUtf8(json)).toBe(true);
  const stored = parseJson(json.toString()) as Record<string, unknown>;
  expect(JSON.stringify(stored)).not.toContain('\\u0000');
  expect(JSON.stringify(stored)).not.toMatch(/(?<!\\)(?:\\\\)*\\ud[89a-f]/);

  const sent = element as Record<string, unknown>;
  expect(stored['server']).toEqual(context.server);
  expect(stored['received_at']).toBe('2026-11-26T10:00:00.000Z');
  expect(stored['type']).toBe(storable(sent['type'] ?? '') || 'pageview');
  const id = (sent['event_id'] ?? '') as string;
  if (isEventId(id)) {
    expect(stored['event_id']).toBe(storable(id));
  }
  const known = new Set([
    'event_id',
    'ts',
    'received_at',
    'type',
    'url',
    'route',
    'device',
    'session',
    'props',
    'server',
  ]);
  const moves =
    Object.keys(sent).some((name) => !known.has(name)) ||
    'ts' in sent ||
    (id !== '' && !isEventId(id));
  const names = Object.keys(sent['props'] ?? {});
  if (!moves && 'props' in sent) {
    const kept = names.length === 0 ? undefined : storable(sent['props']);
    expect(JSON.stringify(stored['props'])).toBe(JSON.stringify(kept));
  }
}

describe('any body', () => {
  it(
    'is refused as a whole with 400, 413 or 415, or each of its elements is stored as it was sent or rejected',
    { timeout: 1_200_000 },
    async () => {
      const seen = { refused: 0, rejected: 0, malformed: 0, stored: 0 };
      await fc.assert(
        fc.asyncProperty(hostileBody, fc.constantFrom(undefined, 0), async (body, threshold) => {
          let whole: Body | undefined;
          let elements: unknown[];
          try {
            whole = await read(body);
            elements = listOf(resultOf(parseEvents(whole.form, whole.text, limits, threshold)));
          } catch (error) {
            seen.refused += 1;
            expect(error).toBeInstanceOf(HttpError);
            expect(REFUSALS).toContain((error as HttpError).statusCode);
            const count = whole && countOf(whole);
            expect(count === undefined || count === 0 || count > MAX_EVENTS).toBe(true);
            return;
          } finally {
            expect(budget.usedBytes).toBe(0);
          }

          expect(elements).toHaveLength(countOf(whole) ?? -1);
          for (const element of elements) {
            if (element instanceof UnreadElement) {
              seen.malformed += 1;
              continue;
            }
            const before = JSON.stringify(element);
            const { json, rejected } = prepareEvent(element, context);
            expect(JSON.stringify(element)).toBe(before);
            if (json) {
              seen.stored += 1;
              check(element, json);
            } else {
              seen.rejected += 1;
              expect(rejected.errors.length).toBeGreaterThan(0);
            }
          }
        }),
        { numRuns: runs(5000, 200_000), examples: [[NESTED_NAME, undefined]] },
      );
      for (const [outcome, times] of Object.entries(seen)) {
        expect({ outcome, often: times > runs(100, 5000) }).toEqual({ outcome, often: true });
      }
    },
  );
});

describe('any body over HTTP', () => {
  let workplace: Workplace;
  let collector: Collector;
  let agent: Agent;

  beforeEach(async () => {
    workplace = await Workplace.create();
    collector = await workplace.start({
      MAX_BATCH_EVENTS: String(MAX_EVENTS),
      MAX_BODY_BYTES: String(MAX_BODY_BYTES),
      MAX_EVENT_BYTES: String(MAX_EVENT_BYTES),
      QUEUE_MAX_MB: '64',
      BOTS: 'off',
    });
    agent = new Agent({ keepAlive: true, maxSockets: 8 });
  });

  afterEach(async () => {
    agent.destroy();
    await workplace.remove();
  });

  function post({
    contentType,
    contentEncoding,
    bytes,
  }: HostileBody): Promise<{ status: number; answer: string }> {
    return new Promise((resolve, reject) => {
      const sending = request(
        {
          agent,
          host: '127.0.0.1',
          port: collector.port,
          method: 'POST',
          path: '/collect',
          headers: {
            'content-length': bytes.length,
            ...(contentType !== undefined && { 'content-type': contentType }),
            ...(contentEncoding !== undefined && { 'content-encoding': contentEncoding }),
          },
        },
        (response) => {
          textOf(response).then(
            (answer) => resolve({ status: response.statusCode ?? 0, answer }),
            reject,
          );
        },
      );
      sending.on('error', reject);
      sending.end(bytes);
    });
  }

  it(
    'is answered 202, 400, 413 or 415, and as many events are stored as were told',
    { timeout: 1_200_000 },
    async () => {
      let told = 0;
      const statuses = new Map<number, number>();
      await fc.assert(
        fc.asyncProperty(fc.array(hostileBody, { minLength: 8, maxLength: 8 }), async (bodies) => {
          for (const { status, answer } of await Promise.all(bodies.map(post))) {
            expect([202, ...REFUSALS]).toContain(status);
            statuses.set(status, (statuses.get(status) ?? 0) + 1);
            told += (JSON.parse(answer) as { accepted?: number }).accepted ?? 0;
          }
        }),
        { numRuns: runs(60, 2500), examples: [[ONE_OF_EACH_ANSWER]], endOnFailure: true },
      );
      expect(new Set(statuses.keys())).toEqual(new Set([202, ...REFUSALS]));
      expect((await fetch(`${collector.url}/healthz`)).status).toBe(200);

      await collector.drained();
      const logged = await workplace.logged();
      expect(logged).toHaveLength(told);
      expect(
        logged.filter(({ server }) => JSON.stringify(server) !== '{"ip":"127.0.0.0"}'),
      ).toEqual([]);
      const samples = await collector.metrics();
      expect(sumOf(samples, 'gotrack_events_accepted_total')).toBe(told);
      await balancedBooks(collector);
      expect(await collector.stop()).toBe(0);
    },
  );
});
