import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { CertificateAuthority } from '../support/servers/server-certificate.js';

const TOTAL = 'gotrack_http_requests_total';
const HALF = 'GET /px.gif?e=half HTTP/1.1\r\nHost: x\r\n\r\n';

let workplace: Workplace;
let collector: Collector;
let overTls: Collector;

beforeAll(async () => {
  workplace = await Workplace.create();
  const { cert, key } = new CertificateAuthority(workplace.path(), 'authority').issue('server');
  collector = await workplace.start({ BOTS: 'off' });
  overTls = await workplace.start({
    BOTS: 'off',
    QUEUE_PATH: './data/tls-queue',
    LOG_PATH: './data/tls/events.ndjson',
    DEAD_LETTER_PATH: './data/tls-letters',
    ENABLE_HTTPS: 'true',
    SSL_CERT_FILE: cert,
    SSL_KEY_FILE: key,
  });
});

afterAll(() => workplace.remove());

const dialPlain = (): Socket =>
  connect({ port: collector.port, host: '127.0.0.1', allowHalfOpen: true });
function dialTls(): Socket {
  const options = { port: overTls.port, host: '127.0.0.1', rejectUnauthorized: false };
  // The types lack it for TLS.
  return connectTls(Object.assign(options, { allowHalfOpen: true }));
}

function heardOn(socket: Socket): Promise<string> {
  let heard = '';
  socket.on('data', (piece: Buffer) => (heard += piece.toString('latin1')));
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  return once(socket, 'close').then(() => heard);
}

/** Sends the pieces, each in a packet of its own, and then the end of the sending half. */
async function halfClose(socket: Socket, pieces: readonly string[]): Promise<string> {
  const heard = heardOn(socket);
  await once(socket, 'encrypted' in socket ? 'secureConnect' : 'connect');
  for (const piece of pieces) {
    socket.write(piece, 'latin1');
    await sleep(1);
  }
  socket.end();
  return heard;
}

const statusesIn = (heard: string): string[] =>
  Array.from(heard.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status = '']) => status);

async function eventsOfType(type: string): Promise<number> {
  await collector.drained();
  return (await workplace.logged()).filter((event) => event.type === type).length;
}

describe.each([
  ['plain HTTP', dialPlain],
  ['TLS', dialTls],
])('a client that closes its sending half, over %s', (_, dial) => {
  it.each([
    ['keeps the connection alive', HALF],
    ['asks for its end', HALF.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')],
  ])('is answered when it %s, and the connection closed', async (__, request) => {
    expect(statusesIn(await halfClose(dial(), [request]))).toEqual(['200']);
  });

  it('is answered all that it has asked', async () => {
    const post = 'POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}';
    expect(statusesIn(await halfClose(dial(), [HALF, post + post, HALF]))).toEqual([
      '200',
      '202',
      '202',
      '200',
    ]);
  });

  it('is answered an error in the middle of headers', async () => {
    expect(statusesIn(await halfClose(dial(), [HALF, 'GET / HTTP/1.1\r\nHo']))).toEqual([
      '200',
      '400',
    ]);
  });

  it('is answered what was complete before a body that ends too soon', async () => {
    const cut = 'POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n{';
    expect(statusesIn(await halfClose(dial(), [HALF + cut]))).toEqual(['200']);
  });

  it('without a request is closed', async () => {
    expect(await halfClose(dial(), [])).toBe('');
  });
});

it('counts and stores what a half-closed client sent as of any other', async () => {
  const answered = { endpoint: '/px.gif', status: '200' };
  const before = {
    events: await eventsOfType('half'),
    answered: await collector.metric(TOTAL, answered),
    gone: await collector.metric(TOTAL, { endpoint: '/px.gif', status: '499' }),
  };
  await halfClose(dialPlain(), [HALF]);
  expect(await eventsOfType('half')).toBe(before.events + 1);
  expect(await collector.metric(TOTAL, answered)).toBe(before.answered + 1);
  expect(await collector.metric(TOTAL, { endpoint: '/px.gif', status: '499' })).toBe(before.gone);
});

/** A complete request, and the status of its answer. */
const COMPLETE = [
  (id: string) => [`GET /px.gif?event_id=${id} HTTP/1.1\r\nHost: a\r\n\r\n`, '200'] as const,
  (id: string) => {
    const body = `{"event_id":"${id}","props":{"text":"caf\xc3\xa9"}}`;
    const head = `POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}`;
    return [`${head}\r\n\r\n${body}`, '202'] as const;
  },
  (id: string) => {
    const body = `{"event_id":"${id}"}`;
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    return [
      `POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`,
      '202',
    ] as const;
  },
];

const trailing = fc.oneof(
  fc.constantFrom(
    '}',
    'x\r\n\r\n',
    '\r\n}',
    'GET /px.gif HTTP/1.1\r\nHo st: a\r\n\r\n',
    'GET /px.gif?e=\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    `GET / HTTP/1.1\r\nX: ${'y'.repeat(20_000)}`,
  ),
  fc
    .uint8Array({ minLength: 1, maxLength: 400 })
    .map((bytes) => Buffer.from(bytes).toString('latin1')),
);

/** Cuts a text at these shares of its length. */
function packetsOf(text: string, shares: readonly number[]): string[] {
  const places = [...shares.map((share) => Math.floor(share * text.length)), text.length];
  return places
    .toSorted((a, b) => a - b)
    .map((end, n, ends) => text.slice(n === 0 ? 0 : ends[n - 1], end))
    .filter((piece) => piece !== '');
}

let next = 0;

it('answers a complete request as if it were alone, whatever follows in whatever packets', async () => {
  const stored: string[] = [];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...COMPLETE),
      trailing,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }),
      async (complete, rest, shares) => {
        const id = `followed-${(next += 1)}`;
        const [request, status] = complete(id);
        const heard = await halfClose(dialPlain(), packetsOf(request + rest, shares));
        expect(heard).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
        stored.push(id);
      },
    ),
    { numRuns: 150 },
  );
  await collector.drained();
  const logged = await workplace.logged();
  const theirs = logged.filter(({ event_id }) => stored.includes(event_id));
  expect(theirs.map(({ event_id }) => event_id).toSorted()).toEqual(stored.toSorted());
  expect(
    theirs.filter((event) => JSON.stringify(event['server']) !== '{"ip":"127.0.0.0"}'),
  ).toEqual([]);
});

it('answers the error after the complete request, closes, and counts each once', async () => {
  const other = { endpoint: 'other', method: 'OTHER', status: '400' };
  const before = await collector.metric(TOTAL, other);
  const total = await collector.metric(TOTAL);
  const socket = dialPlain();
  const heard = heardOn(socket);
  socket.write(`${COMPLETE[1]?.('counted')[0]}}`, 'latin1');
  const answers = await heard;
  expect(statusesIn(answers)).toEqual(['202', '400']);
  expect(answers).toContain('"code":"GT_MALFORMED_HTTP"');
  expect(await collector.metric(TOTAL, other)).toBe(before + 1);
  expect(await collector.metric(TOTAL)).toBe(total + 2);
});

it('keeps none of these connections', async () => {
  let open = Infinity;
  await until(async () => {
    open = await collector.metric('nodejs_active_resources', { type: 'TCPSocketWrap' });
    return open <= 2;
  });
  // The scraper's, at most two.
  expect(open).toBeLessThanOrEqual(2);
});
