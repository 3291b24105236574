import { mkdir, readFile, rename } from 'node:fs/promises';
import { resolve } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ERRORS } from '../../src/http/errors.js';
import type { CollectorErrorCode } from '../../src/ingestion/openapi/error-groups.js';
import {
  bodiesOf,
  type DescribedAnswer,
  type OpenApi,
  operationsOf,
  parametersOf,
  type PlacedOperation,
  resolved,
} from '../support/openapi.js';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { RawConnection } from '../support/servers/raw-http.js';
import { ask, type Asked, type ClientAnswer } from '../support/servers/signing-client.js';

/** Serves all that the files in schema/ describe, to anyone. */
const COMPLETE = { VALIDATE: 'true', HMAC_SECRET: 'a secret', REQUIRE_HMAC: 'false' };

const read = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, 'utf8')) as T;
const document = await read<OpenApi>('schema/openapi.json');
const ajv = new Ajv2020({ strict: false, validateFormats: false }).addSchema(document, 'openapi');

const OPERATIONS = new Map(
  operationsOf(document).map((placed) => [`${placed.method} ${placed.path}`, placed]),
);
const operationAt = (name: string): PlacedOperation => OPERATIONS.get(name) as PlacedOperation;

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

const get = (collector: Collector, path: string): Promise<ClientAnswer> =>
  ask(collector.port, path, { method: 'GET' });

/** Whether the answer is one that the document has for this operation. */
function expectDescribed(
  described: OpenApi,
  { path, method, operation }: PlacedOperation,
  { status, headers, body }: ClientAnswer,
): void {
  const where = `${method} ${path}`;
  const found = operation.responses[status];
  expect({ where, status, described: found !== undefined }).toEqual({
    where,
    status,
    described: true,
  });
  const answer = resolved<DescribedAnswer>(described, found ?? {});
  const type = headers['content-type']?.split(';')[0];
  expect({ where, types: Object.keys(answer.content ?? {}) }).toEqual({ where, types: [type] });
  const required = Object.entries(answer.headers ?? {}).filter(([, each]) => each.required);
  expect({ where, headers }).toMatchObject({
    headers: Object.fromEntries(
      required.map(([name]) => [name.toLowerCase(), expect.anything() as unknown]),
    ),
  });
  const { schema = {} } = answer.content?.[type ?? ''] ?? {};
  const validate = ajv.compile(
    JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')) as object,
  );
  validate(type === 'application/json' ? JSON.parse(body) : body);
  expect({ where, body, errors: validate.errors }).toEqual({ where, body, errors: null });
}

/** The path with the examples of its parameters. */
async function targetOf(collector: Collector, placed: PlacedOperation): Promise<string> {
  const query = new URLSearchParams();
  let path = placed.path;
  for (const { name, in: place, example } of parametersOf(document, placed.operation)) {
    if (name === 'hash') {
      // It changes with the client.
      const { headers } = await get(collector, path.replace('.{hash}', ''));
      path = `/${String(headers['content-location'])}`;
    } else if (place === 'path') {
      path = path.replace(`{${name}}`, encodeURIComponent(example as string));
    } else if (typeof example === 'object') {
      Object.entries(example).forEach(([key, value]) => query.set(key, value));
    } else if (example !== undefined) {
      query.set(name, example);
    }
  }
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

const COMPRESSED: Readonly<Record<string, (text: string) => Buffer>> = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  identity: (text) => Buffer.from(text),
};

describe('the documents that the collector serves', () => {
  it('are those in schema/ where all is turned on', async () => {
    const collector = await workplace.start(COMPLETE);
    for (const name of ['openapi.json', 'event.schema.json']) {
      const { status, headers, body } = await get(collector, `/${name}`);
      expect({ status, type: headers['content-type'] }).toEqual({
        status: 200,
        type: 'application/json; charset=utf-8',
      });
      expect(JSON.parse(body)).toEqual(await read(`schema/${name}`));
    }
    const labels = { endpoint: '/openapi.json', method: 'GET', status: '200' };
    expect(await collector.metric('gotrack_http_requests_total', labels)).toBe(1);
  });

  it('name the paths that the configuration gives, and those answer', async () => {
    const collector = await workplace.start({
      COLLECT_PATH: '/,/e',
      PIXEL_PATH: '/e,/pixel.gif',
      CLIENT_PATH: '/t/app',
      PUBLIC_URL: 'https://t.example/x',
    });
    const served = JSON.parse((await get(collector, '/openapi.json')).body) as OpenApi;
    const operations = operationsOf(served);
    const names = operations.map(({ method, path }) => `${method} ${path}`);
    expect(names).toEqual(
      expect.arrayContaining(['POST /', 'POST /e', 'GET /e', 'GET /pixel.gif', 'GET /t/app.js']),
    );
    expect(names.filter((name) => /validate|hmac|\/pixel\.(umd|js)/.test(name))).toEqual([]);
    expect(served.servers).toEqual([{ url: 'https://t.example/x' }]);
    for (const placed of operations.filter(({ path }) => !path.includes('{'))) {
      const { path, method } = placed;
      const answer = await ask(collector.port, path, {
        method,
        ...(method === 'POST' && { body: '{"event":"x","batch":[]}' }),
      });
      expect([path, Object.keys(placed.operation.responses)[0]]).toEqual([
        path,
        String(answer.status),
      ]);
    }
  });
});

describe('the examples', () => {
  it('of each path without a body get what the document says', async () => {
    const collector = await workplace.start(COMPLETE);
    const placed = operationsOf(document).filter(({ method }) => method === 'GET');
    expect(placed.length).toBeGreaterThan(15);
    for (const each of placed) {
      const target = await targetOf(collector, each);
      const answer = await get(collector, target);
      expect([target, String(answer.status)]).toEqual([
        target,
        Object.keys(each.operation.responses)[0],
      ]);
      expectDescribed(document, each, answer);
      if ('304' in each.operation.responses) {
        const { status } = await ask(collector.port, target, {
          method: 'GET',
          headers: { 'If-None-Match': String(answer.headers.etag) },
        });
        expect([target, status]).toEqual([target, 304]);
      }
    }
  });

  it('of each form of each body do, in each compression', async () => {
    const collector = await workplace.start(COMPLETE);
    const types = new Set<string>();
    for (const each of operationsOf(document).filter(({ method }) => method === 'POST')) {
      const { operation, path } = each;
      const encoding = parametersOf(document, operation).find(
        ({ name }) => name === 'Content-Encoding',
      );
      for (const [type, { examples = {} }] of bodiesOf(document, operation)) {
        expect({ path, type, examples: Object.keys(examples).length }).not.toMatchObject({
          examples: 0,
        });
        for (const example of Object.values(examples)) {
          const { value } = resolved<{ value: unknown }>(document, example);
          const text = typeof value === 'string' ? value : JSON.stringify(value);
          for (const coding of encoding?.schema.enum ?? []) {
            types.add(`${type} ${coding}`);
            const answer = await ask(collector.port, path, {
              headers: { 'Content-Type': type, 'Content-Encoding': coding },
              body: COMPRESSED[coding]?.(text) ?? '',
            });
            expect({
              path,
              type,
              coding,
              status: String(answer.status),
              body: answer.body,
            }).toEqual(expect.objectContaining({ status: Object.keys(operation.responses)[0] }));
            expect(answer.body).not.toContain('"rejected"');
            expectDescribed(document, each, answer);
          }
        }
      }
    }
    expect(types.size).toBe(16);
    await collector.drained();
    expect(await collector.metric('gotrack_events_rejected_total')).toBe(0);
  });
});

describe('the answers of the document', () => {
  it('cover what becomes of events that are not all taken', async () => {
    const collector = await workplace.start({ ...COMPLETE, PRIVACY_SIGNALS: 'drop' });
    const sent: [path: string, body: string, headers: Record<string, string>, part: string][] = [
      ['/collect', '[{},{"type":7}]', {}, '"partial"'],
      ['/collect', '[{"type":7}]', {}, 'GT_ALL_REJECTED'],
      ['/collect', '[{},{}]', { DNT: '1' }, '"dropped":2'],
      ['/collect', '{"event":"x"}', {}, '"warnings"'],
      ['/collect/validate', '[{"type":"a"},{"type":7}]', {}, '"partial"'],
      ['/collect/validate', '[{"type":7}]', {}, 'GT_ALL_REJECTED'],
      ['/collect/validate', '[{},{}]', { DNT: '1' }, '"dropped":2'],
      ['/v1/track', '{}', {}, '"rejected"'],
      ['/v1/batch', '{"batch":[7,{"type":"page"}]}', {}, '"rejected"'],
      ['/v1/batch', '[]', {}, '"rejected"'],
    ];
    for (const [path, body, headers, part] of sent) {
      const answer = await ask(collector.port, path, { body, headers });
      expect({ path, body, answer: answer.body }).toMatchObject({
        answer: expect.stringContaining(part) as string,
      });
      expectDescribed(document, operationAt(`POST ${path}`), answer);
    }
  });

  it('cover a collector that cannot take events', async () => {
    const collector = await workplace.start();
    await rename(workplace.path('data', 'queue'), workplace.path('elsewhere'));
    await untilRefused(collector);
    const answer = await get(collector, '/readyz');
    expect(answer.status).toBe(503);
    expectDescribed(document, operationAt('GET /readyz'), answer);
  });
});

/** What a client did, and the answer. */
interface Refused {
  /** Undefined where there is no operation. */
  readonly operation?: string;
  readonly answer: ClientAnswer;
}
type Provoke = () => Promise<Refused>;

/** Sends it, and takes the answer apart. */
async function raw({ port }: Collector, text: string): Promise<ClientAnswer> {
  const connection = await RawConnection.open(port);
  connection.send(text);
  return parsed(await connection.answer());
}

function parsed(text: string): ClientAnswer {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  const [line = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((each) => {
      const [name = '', value = ''] = each.split(/: */, 2);
      return [name.toLowerCase(), value];
    }),
  );
  return { status: Number(line.split(' ')[1]), headers, body };
}

/** For those that need no configuration of their own. */
let common: Collector;

const malformed =
  (text: string, operation?: string): Provoke =>
  async () => ({
    ...(operation !== undefined && { operation }),
    answer: await raw(common, text),
  });

const asked =
  (operation: string, what: Asked = {}, environment?: Record<string, string>): Provoke =>
  async () => {
    const [method = '', path = ''] = operation.split(' ');
    const collector = environment ? await workplace.start(environment) : common;
    return { operation, answer: await ask(collector.port, path, { method, ...what }) };
  };

const collected = (body: string | Buffer, headers: Record<string, string> = {}): Provoke =>
  asked('POST /collect', { body, headers });

const FAILING_QUEUE = { NODE_OPTIONS: `--import=${resolve('test/support/failing-queue.mjs')}` };

/** Asks for a pixel until that answers 503. */
async function untilRefused(collector: Collector, query = ''): Promise<Refused> {
  let answer: ClientAnswer | undefined;
  await until(async () => {
    answer = await get(collector, `/px.gif?${query}`);
    return answer.status === 503;
  });
  return { operation: 'GET /px.gif', answer: answer as ClientAnswer };
}

/** Bodies that stop before their end, and fill what bodies may take. Either the next is refused, or one of them. */
async function tooManyBodies(): Promise<Refused> {
  const collector = await workplace.start({ MAX_BODY_BYTES: String(16 * MIB) });
  const head = `POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: ${16 * MIB}\r\n\r\n`;
  const connections = await Promise.all(
    Array.from({ length: 5 }, () => RawConnection.open(collector.port)),
  );
  for (const connection of connections) {
    connection.send(head + ' '.repeat(15 * MIB));
  }
  const refused = (): RawConnection | undefined =>
    connections.find(({ heard }) => heard.includes('\r\n\r\n{'));
  await until(() => refused() !== undefined);
  const answer = parsed(refused()?.heard ?? '');
  connections.forEach((connection) => connection.abort());
  return { operation: 'POST /collect', answer };
}

const MIB = 1024 * 1024;
const JSON_TYPE = { 'content-type': 'application/json' };

/** How a client gets each error. */
const PROVOCATIONS: Readonly<Record<CollectorErrorCode, Provoke>> = {
  GT_BAD_REQUEST: malformed('GET /healthz\r\n\r\n', 'GET /healthz'),
  GT_BAD_URL: asked('GET /%zz'),
  GT_UNENCODED_URL: malformed('GET /px.gif?title=caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n'),
  GT_HOST: malformed('GET /px.gif HTTP/1.1\r\n\r\n', 'GET /px.gif'),
  GT_MALFORMED_HTTP: malformed('what?\r\n\r\n'),
  GT_REQUEST_TIMEOUT: malformed('GET /px.gif HTTP/1.1\r\nHost: a\r\n', 'GET /px.gif'),
  GT_HEADERS_TOO_LARGE: malformed(
    `GET /px.gif HTTP/1.1\r\nHost: a\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`,
    'GET /px.gif',
  ),
  GT_CHUNK_EXTENSIONS_TOO_LARGE: malformed(
    `POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`,
    'POST /collect',
  ),
  GT_EXPECTATION_FAILED: malformed(
    'POST /collect HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 2\r\n\r\n{}',
    'POST /collect',
  ),
  GT_TRANSFER_ENCODING: malformed(
    'POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    'POST /collect',
  ),
  GT_EMPTY_BODY: collected(''),
  GT_BAD_ENCODING: collected('{}', { 'content-encoding': 'snappy' }),
  GT_CORRUPT_BODY: collected(gzipSync('{}').subarray(0, 12), { 'content-encoding': 'gzip' }),
  GT_MALFORMED_JSON: collected('{"type":'),
  GT_NOT_AN_EVENT: collected('17'),
  GT_NO_EVENTS: collected('[]'),
  GT_ALL_REJECTED: collected('{"type":7}', JSON_TYPE),
  GT_BODY_TOO_LARGE: collected(`"${'x'.repeat(2000)}"`),
  GT_TOO_MANY_EVENTS: collected('[{},{},{},{}]'),
  GT_UNSUPPORTED_MEDIA_TYPE: collected('{}', { 'content-type': 'text/css' }),
  GT_UNKNOWN_SENDER: asked('GET /px.gif', {}, { INGEST_API_KEYS: 'a:b', REQUIRE_API_KEY: 'true' }),
  GT_ORIGIN: asked(
    'POST /v1/track',
    { body: '{"event":"x"}', headers: { origin: 'https://other.example' } },
    { CORS_ORIGINS: 'https://shop.example' },
  ),
  GT_RATE_LIMIT: async () => {
    const collector = await workplace.start({ RATE_LIMIT_RPS: '1' });
    const answers = await Promise.all(Array.from({ length: 5 }, () => get(collector, '/px.gif')));
    return {
      operation: 'GET /px.gif',
      answer: answers.find(({ status }) => status !== 200) as ClientAnswer,
    };
  },
  GT_NOT_FOUND: asked('GET /metrics'),
  GT_METHOD_NOT_ALLOWED: asked('GET /collect'),
  GT_BUSY: tooManyBodies,
  GT_QUEUE_FULL: async () => {
    // The sink cannot have its file, so that its events stay in the queue.
    await mkdir(workplace.path('data', 'broken'), { recursive: true });
    const collector = await workplace.start({ LOG_PATH: './data/broken', QUEUE_MAX_MB: '1' });
    return untilRefused(collector, `filling=${'x'.repeat(10_000)}`);
  },
  GT_DISK: async () => {
    const collector = await workplace.start();
    await rename(workplace.path('data', 'queue'), workplace.path('elsewhere'));
    return untilRefused(collector);
  },
  GT_QUEUE_AWAY: asked(
    'GET /px.gif',
    {},
    {
      ROLE: 'ingest',
      QUEUE_DRIVER: 'kafka',
      QUEUE_WHEN_AWAY: 'refuse',
      QUEUE_ACK_TIMEOUT_MS: '1',
      KAFKA_BROKERS: '127.0.0.1:1',
    },
  ),
  GT_QUEUE_REFUSED: asked('GET /px.gif?e=refused', {}, FAILING_QUEUE),
  GT_DRAINING: asked('GET /px.gif?e=draining', {}, FAILING_QUEUE),
  GT_INTERNAL: asked('GET /px.gif?e=unexpected', {}, FAILING_QUEUE),
};

describe('the errors of the document', () => {
  let place: Workplace;

  beforeAll(async () => {
    place = await Workplace.create();
    common = await place.start({ MAX_BODY_BYTES: '2000', MAX_BATCH_EVENTS: '3' });
  });

  afterAll(() => place.remove());

  it.each(Object.keys(PROVOCATIONS) as CollectorErrorCode[])('%s is answered so', async (code) => {
    const { operation, answer } = await PROVOCATIONS[code]();
    const example = document.components['examples']?.[code] as {
      readonly value: { readonly message: string };
    };
    const { message: expected, ...others } = example.value;
    const { message, ...rest } = JSON.parse(answer.body) as { message: string };
    expect({ code, status: answer.status, type: answer.headers['content-type'] }).toEqual({
      code,
      status: ERRORS[code].status,
      type: 'application/json; charset=utf-8',
    });
    expect(rest).toEqual(others);
    expect(message.slice(0, expected.length)).toBe(expected);
    const placed = OPERATIONS.get(operation?.replace(/\?.*/, '') ?? '');
    if (placed) {
      expectDescribed(document, placed, answer);
    }
  });
});
