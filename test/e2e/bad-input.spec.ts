import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { exchange, RawConnection } from '../support/servers/raw-http.js';

let workplace: Workplace;
let collector: Collector;

beforeAll(async () => {
  workplace = await Workplace.create();
  collector = await workplace.start({ MAX_BODY_BYTES: '200000', MAX_BATCH_EVENTS: '10' });
});

afterAll(() => workplace.remove());

type Body = string | Uint8Array<ArrayBuffer>;

interface AnswerBody {
  readonly message: string;
  readonly rejected: readonly { readonly index: number; readonly errors: readonly string[] }[];
}

async function post(
  body: Body,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: AnswerBody }> {
  const response = await fetch(`${collector.url}/collect`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: response.status, body: (await response.json()) as AnswerBody };
}

const nested = (depth: number): string => `{"props":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`;
const fields = (count: number): string =>
  JSON.stringify({
    props: Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, 1])),
  });

describe('what bad input gets', () => {
  it.each<[string, Body, Record<string, string>, number, string]>([
    ['malformed JSON', '{"type":', {}, 400, 'GT_MALFORMED_JSON'],
    ['a JSON scalar', '17', {}, 400, 'GT_NOT_AN_EVENT'],
    ['null', 'null', {}, 400, 'GT_NOT_AN_EVENT'],
    ['an empty array', '[]', {}, 400, 'GT_NO_EVENTS'],
    ['an empty body', '', {}, 400, 'GT_EMPTY_BODY'],
    [
      'NDJSON of blank lines',
      '\n\n',
      { 'content-type': 'application/x-ndjson' },
      400,
      'GT_NO_EVENTS',
    ],
    [
      'truncated compression',
      gzipSync('{}').subarray(0, 12),
      { 'content-encoding': 'gzip' },
      400,
      'GT_CORRUPT_BODY',
    ],
    ['an unknown compression', '{}', { 'content-encoding': 'snappy' }, 400, 'GT_BAD_ENCODING'],
    ['a body over the bound', `"${'x'.repeat(200_000)}"`, {}, 413, 'GT_BODY_TOO_LARGE'],
    [
      'a body over the bound once it is decompressed',
      gzipSync('x'.repeat(200_001)),
      { 'content-encoding': 'gzip' },
      413,
      'GT_BODY_TOO_LARGE',
    ],
    ['too many events', `[${Array(11).fill('{}').join(',')}]`, {}, 413, 'GT_TOO_MANY_EVENTS'],
    [
      'another content type',
      'a=1',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'GT_UNSUPPORTED_MEDIA_TYPE',
    ],
  ])('%s', async (_, body, headers, statusCode, code) => {
    const answer = await post(body, headers);
    expect(answer).toMatchObject({ status: statusCode, body: { statusCode, code } });
    expect(answer.body.message).toMatch(/\w+ \w+/);
  });

  it.each<[string, string, RegExp]>([
    [
      'an event over MAX_EVENT_BYTES',
      JSON.stringify({ props: { text: 'x'.repeat(65_537) } }),
      /MAX_EVENT_BYTES|bytes/,
    ],
    ['an event nested too deep', nested(32), /32/],
    ['an event with too many fields', fields(1000), /1,?000/],
    ['a type that is too long', JSON.stringify({ type: 'é'.repeat(65) }), /128/],
    ['a known field of the wrong type', '{"url":{"utm":{"source":7}}}', /^url\.utm\.source: /],
    ['a number that no sink can store', '{"props":{"a":1e401}}', /numbers.*400/],
    ['a known number that is not finite', '{"url":{"query_size":1e400}}', /^url\.query_size: /],
    ['an element that is no object', '[7]', /object/],
    ['an event_id that is no text', '{"event_id":7}', /^event_id: /],
  ])('rejects %s, and says why', async (_, body, reason) => {
    const { status, body: answer } = await post(body);
    expect(status).toBe(400);
    expect(answer).toMatchObject({
      statusCode: 400,
      code: 'GT_ALL_REJECTED',
      status: 'rejected',
      accepted: 0,
    });
    expect(answer.rejected).toHaveLength(1);
    expect(answer.rejected[0]?.index).toBe(0);
    expect(answer.rejected[0]?.errors[0]).toMatch(reason);
  });

  it.each([
    ['nested as deep as allowed', nested(30)],
    ['with as many fields as allowed', fields(999)],
    ['with a ts that no one can read', '{"ts":["yesterday"]}'],
    ['with an event_id that is none', '{"event_id":"{{id}}"}'],
    ['with as large a number as allowed', '{"props":{"a":1e400}}'],
    ['with a type as long as allowed', JSON.stringify({ type: 'é'.repeat(64) })],
  ])('takes an event %s', async (_, body) => {
    expect(await post(body)).toEqual({ status: 202, body: { status: 'ok', accepted: 1 } });
  });

  it('takes the valid events of a batch and names the others', async () => {
    const { status, body } = await post('[{"type":"good"},{"type":7},{"type":"good"},null]');
    expect(status).toBe(202);
    expect(body).toMatchObject({ status: 'partial', accepted: 2 });
    expect(body.rejected.map(({ index }) => index)).toEqual([1, 3]);
  });

  it('takes a malformed line of NDJSON for a rejected event; blank lines have no index', async () => {
    const lines = '{"type":"good"}\n\n{"type":\n\r\n{"type":"good"}\n';
    const { status, body } = await post(lines, { 'content-type': 'application/x-ndjson' });
    expect(status).toBe(202);
    expect(body).toMatchObject({ accepted: 2, rejected: [{ index: 1 }] });
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
  ])('takes %s', async (encoding, compress) => {
    expect(
      (await post(new Uint8Array(compress('{}')), { 'content-encoding': encoding })).status,
    ).toBe(202);
  });

  it('takes a body without a Content-Type for JSON', async () => {
    const answer = await exchange(
      collector.port,
      'POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}',
    );
    expect(answer).toEqual({ status: 202, body: { status: 'ok', accepted: 1 } });
  });

  it.each([
    ['an empty Content-Type', 'Content-Type:'],
    ['US-ASCII', 'Content-Type: text/plain; charset=us-ascii'],
    ['an empty charset', 'Content-Type: text/plain; charset='],
    ['a quoted parameter', 'Content-Type: application/json; x="a; charset=utf-16"'],
  ])('takes %s for JSON', async (_, header) => {
    const answer = await exchange(
      collector.port,
      `POST /collect HTTP/1.1\r\nHost: a\r\n${header}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`,
    );
    expect(answer).toEqual({ status: 202, body: { status: 'ok', accepted: 1 } });
  });

  it.each([
    ['no Host', 'GET /px.gif HTTP/1.1\r\n\r\n', 400, 'GT_HOST', /Host/],
    [
      'two of them',
      'POST /collect HTTP/1.1\r\nHost: a\r\nHOST: a\r\nContent-Length: 2\r\n\r\n{}',
      400,
      'GT_HOST',
      /Host/,
    ],
    [
      'another transfer coding',
      'POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
      501,
      'GT_TRANSFER_ENCODING',
      /chunked/,
    ],
    [
      'another transfer coding alone',
      'GET /px.gif HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n',
      501,
      'GT_TRANSFER_ENCODING',
      /chunked/,
    ],
    [
      'raw UTF-8 in the URL',
      'GET /px.gif?title=caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n',
      400,
      'GT_UNENCODED_URL',
      /UTF-8.*percent-encode/,
    ],
    [
      'a length over the bound that waits to be asked for',
      'POST /collect HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 200001\r\n\r\n',
      413,
      'GT_BODY_TOO_LARGE',
      /bytes/,
    ],
    [
      'another type that waits to be asked for',
      'POST /collect HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Type: text/css\r\nContent-Length: 20\r\n\r\n',
      415,
      'GT_UNSUPPORTED_MEDIA_TYPE',
      /Content-Type/,
    ],
  ])('refuses %s, says why, and closes', async (_, text, statusCode, code, message) => {
    const { status, body } = await exchange(collector.port, text);
    expect({ status, body }).toMatchObject({ status: statusCode, body: { statusCode, code } });
    expect((body as AnswerBody).message).toMatch(message);
  });

  it('takes HTTP/1.0 without Host', async () => {
    expect(await exchange(collector.port, 'GET /px.gif HTTP/1.0\r\n\r\n')).toMatchObject({
      status: 200,
    });
  });

  it('asks for a body that waits for it', async () => {
    const connection = await RawConnection.open(collector.port);
    connection.send(
      'POST /collect HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n',
    );
    await until(() => connection.heard.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
    connection.send('{}');
    expect(await connection.answer()).toContain('HTTP/1.1 202 ');
  });

  it('names the methods of a path with 405, and answers unknown paths with 404', async () => {
    const wrongMethod = await fetch(`${collector.url}/collect`);
    expect(wrongMethod.status).toBe(405);
    expect(wrongMethod.headers.get('allow')).toContain('POST');
    expect(await wrongMethod.json()).toMatchObject({
      statusCode: 405,
      code: 'GT_METHOD_NOT_ALLOWED',
    });
    const unknown = await fetch(`${collector.url}/metrics`);
    expect(await unknown.json()).toMatchObject({ statusCode: 404, code: 'GT_NOT_FOUND' });
  });

  it('answers what is no HTTP in JSON too', async () => {
    const { status, body } = await exchange(collector.port, 'GET\r\n\r\n');
    expect(status).toBe(400);
    expect(body).toMatchObject({ statusCode: 400, code: expect.stringMatching(/^GT_/) });
  });

  it('accounts for every event it parsed, and keeps what it rejected for diagnosis', async () => {
    const [received, accepted, rejected] = await Promise.all(
      ['received', 'accepted', 'rejected'].map((fact) =>
        collector.metric(`gotrack_events_${fact}_total`),
      ),
    );
    expect(received).toBe((accepted ?? 0) + (rejected ?? 0));
    await collector.drained();
    expect(await workplace.logged()).toHaveLength(accepted ?? 0);

    const letters = await workplace.run(['dead-letters', 'list']);
    expect(letters.exitCode).toBe(0);
    expect(letters.stdout).toContain('rejected.ndjson');
    expect(letters.stdout).toMatch(/schema: .*url\.utm\.source/);
  });
});
