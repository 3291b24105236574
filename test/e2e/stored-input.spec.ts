import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Collector, Workplace } from '../support/servers/collector.js';
import { RawConnection } from '../support/servers/raw-http.js';

let workplace: Workplace;
let collector: Collector;

beforeAll(async () => {
  workplace = await Workplace.create();
  collector = await workplace.start({ DROP_FIELDS: 'props.recording' });
});

afterAll(() => workplace.remove());

let eventsSent = 0;

/** Each event is found by a type of its own. @returns the line that is stored */
async function storedAs(type: string): Promise<string> {
  await collector.drained();
  const lines = (await readFile(workplace.path('data/events.ndjson'), 'utf8')).split('\n');
  const found = lines.filter((line) => line.includes(`"type":"${type}"`));
  expect(found).toHaveLength(1);
  return found[0] as string;
}

/** A character is a byte, as no HTTP client would send them. */
async function pixel(query: string, headers: readonly string[] = []): Promise<unknown> {
  const type = `input-${(eventsSent += 1)}`;
  const connection = await RawConnection.open(collector.port);
  const head = ['Host: a', 'Connection: close', ...headers].join('\r\n');
  connection.send(`GET /px.gif?e=${type}&${query} HTTP/1.1\r\n${head}\r\n\r\n`);
  expect(await connection.answer()).toMatch(/^HTTP\/1\.1 200 /);
  return JSON.parse(await storedAs(type));
}

async function post(
  members: string,
  path = '/collect',
  contentType = 'application/json',
): Promise<string> {
  const type = `input-${(eventsSent += 1)}`;
  const response = await fetch(collector.url + path, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body: `{"type":"${type}",${members}}`,
  });
  expect(response.status).toBe(202);
  return storedAs(type);
}

describe('what a pixel stores', () => {
  it.each([
    [
      'a url with a bad escape',
      'url=https%3A%2F%2Fshop.example%2Fcart%3Futm_source%3Dmail%26utm_campaign%3Dspring%2',
      {
        route: { domain: 'shop.example', path: '/cart' },
        url: { utm: { source: 'mail', campaign: 'spring%2' } },
      },
    ],
    ['a bare percent sign', 'title=50%25+off+100%', { route: { title: '50% off 100%' } }],
    ['Latin-1', 'title=Caf%E9+au+lait%21', { route: { title: 'Caf\u{FFFD} au lait!' } }],
    [
      'a page in Latin-1',
      'url=https%3A%2F%2Fshop.example%2Fcaf%E9%3Futm_source%3Dx',
      { route: { domain: 'shop.example' }, url: { utm: { source: 'x' } } },
    ],
    ['a name of the language', '__proto__=x&a=%zz', { props: { a: '%zz' } }],
    ['a repeated parameter', 'a=1&a=2', { props: { a: ['1', '2'] } }],
    [
      'a host with its port',
      'url=shop.example:8080/cart',
      { props: { url: 'shop.example:8080/cart' } },
    ],
    ['a path of Windows', 'url=C%3A%5Cx', { props: { url: 'C:\\x' } }],
    [
      'a time whose plus was decoded',
      'ts=2020-01-01T00:00:00+02:00',
      { props: { client_ts: '2020-01-01T00:00:00 02:00' } },
    ],
    ['an id that is none', 'event_id=undefined', { props: { client_event_id: 'undefined' } }],
    [
      'a campaign in a fragment',
      'url=https%3A%2F%2Fa.b%2F%23%2Fx%3FUTM_Source%3Dx',
      { url: { utm: { source: 'x' } } },
    ],
  ])('%s', async (_, query, expected) => {
    expect(await pixel(query)).toMatchObject(expected);
  });

  it('a relative url, from its Referer', async () => {
    const event = await pixel('url=%2Fx%3Futm_source%3Dg', ['Referer: https://u:p@a.b/list?c=1']);
    expect(event).toMatchObject({
      route: { domain: 'a.b', path: '/x', fullPath: '/x?utm_source=g' },
      url: { utm: { source: 'g' } },
    });
    expect(event).not.toHaveProperty('props');
  });

  it('headers of UTF-8, and of Latin-1', async () => {
    const utf8 = Buffer.from('Besucher Ä 😀').toString('latin1');
    const page = Buffer.from('https://a.b/ä').toString('latin1');
    expect(await pixel('', [`User-Agent: ${utf8}`, `Referer: ${page}`])).toMatchObject({
      device: { ua: 'Besucher Ä 😀' },
      route: { path: '/%C3%A4' },
    });
    expect(await pixel('', ['User-Agent: Besucher \u{C4}'])).toMatchObject({
      device: { ua: 'Besucher Ä' },
    });
  });
});

describe('what /collect stores', () => {
  it.each(['application/json', 'application/x-ndjson'])(
    'numbers with their digits: %s',
    async (type) => {
      const members = '"props":{"id":12345678901234567890,"big":[-1e400]},"own":9007199254740993';
      expect(await post(members, '/collect', type)).toContain(
        '"props":{"id":12345678901234567890,"big":[-1e400],"own":9007199254740993}',
      );
    },
  );

  it.each([
    ['a ts that is no time', '"ts":{"a":[1]}', { props: { client_ts: { a: [1] } } }],
    ['a blank event_id', '"event_id":" "', { props: { client_event_id: ' ' } }],
    [
      'a query with its question mark',
      '"url":{"raw_query":"?utm_source=x"}',
      { url: { raw_query: 'utm_source=x', query_size: 12, utm: { source: 'x' } } },
    ],
    [
      'addresses without user and password',
      '"url":{"referrer":"https://u:p@a.b/"},"route":{"canonical_url":"https://u@a.b/"}',
      { url: { referrer: 'https://a.b/' }, route: { canonical_url: 'https://a.b/' } },
    ],
  ])('%s', async (_, members, expected) => {
    expect(JSON.parse(await post(members))).toMatchObject(expected);
  });

  it('epoch milliseconds as a time', async () => {
    const ms = Date.now() - 1000;
    for (const ts of [`${ms}`, `"${ms}"`]) {
      const event = JSON.parse(await post(`"ts":${ts}`)) as object;
      expect(event).toMatchObject({ ts: new Date(ms).toISOString() });
      expect(event).not.toHaveProperty('props');
    }
  });

  it('the campaign of the query of its request', async () => {
    const expected = { raw_query: 'utm_source=mail', query_size: 15, utm: { source: 'mail' } };
    const path = '/collect?utm_source=mail';
    expect(JSON.parse(await post('"url":null', path))).toMatchObject({ url: expected });
    const own = JSON.parse(await post('"url":{"utm":{"source":"own"}}', path)) as { url: unknown };
    expect(own.url).toEqual({ utm: { source: 'own' } });
  });
});

describe('what is large as it is sent and small as it is stored', () => {
  it.each([
    ['a list that is dropped', `"props":{"recording":[${'0.25,'.repeat(100_000)}1],"a":1}`],
    ['what the server writes itself', `"server":{"a":"${'x'.repeat(300_000)}"},"a":1`],
    [
      'numbers with digits that no double has',
      `"a":1,"b":[${`0.${'3'.repeat(999)},`.repeat(300)}1]`,
    ],
    ['a name that comes again', `"a":[${'1,'.repeat(100_000)}1],"a":1`],
    ['nulls with long names', `"user":{"${'n'.repeat(300_000)}":null},"a":1`],
  ])('is stored: %s', async (_, members) => {
    expect(JSON.parse(await post(members))).toMatchObject({ props: { a: 1 } });
  });
});
