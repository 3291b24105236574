/** Beginning of the ids of the events that must never be there; the place of the shape follows, in two digits. */
export const SMUGGLED = 'smuggled-';
/** Beginning of the ids of those that may. */
export const STORED = 'seen-';

const INNER = `GET /px.gif?event_id=${SMUGGLED}00 HTTP/1.1\r\nHost: a\r\n\r\n`;
const EVENT = '{"event_id":"seen-a"}';
const length = (text: string): number => Buffer.byteLength(text, 'latin1');

function collect(headers: string, body: string): string {
  return `POST /collect HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body}`;
}

/** A length that covers everything, beside something that a lenient server could take for chunked. */
function beside(header: string): string {
  const body = `0\r\n\r\n${INNER}`;
  return collect(`Content-Length: ${length(body)}\r\n${header}`, body);
}

/** Chunks whose first size is written in a way that is none, with a request behind what a lenient server makes of it. */
function chunked(size: string, data = EVENT, end = '\r\n0\r\n\r\n'): string {
  return collect('Transfer-Encoding: chunked', `${size}\r\n${data}${end}${INNER}`);
}

/** A body that is a request, of a request that is not interested in it. */
function withBody(head: string): string {
  return `${head}\r\nHost: a\r\nContent-Length: ${length(INNER)}\r\n\r\n${INNER}`;
}

const hex = length(EVENT).toString(16);
const CHUNKS_OF_INNER = `${length(INNER).toString(16)}\r\n${INNER}\r\n0\r\n\r\n`;

/**
 * What a proxy could let pass and take for something else than the server does (RFC 9112, 11.2): bytes of which
 * a strict reading never makes a request for `smuggled`.
 */
const SHAPES: readonly (readonly [name: string, bytes: string])[] = [
  ['both lengths, the announced one longer', beside('Transfer-Encoding: chunked')],
  [
    'both lengths, the chunks longer',
    collect('Transfer-Encoding: chunked\r\nContent-Length: 4', CHUNKS_OF_INNER),
  ],
  [
    'both lengths, chunked last',
    collect('Content-Length: 4\r\nTransfer-Encoding: chunked', CHUNKS_OF_INNER),
  ],
  ['xchunked', beside('Transfer-Encoding: xchunked')],
  ['chunked twice', beside('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked')],
  ['chunked, then another', beside('Transfer-Encoding: chunked, identity')],
  ['another, then chunked', beside('Transfer-Encoding: identity, chunked')],
  ['chunked in quotes', beside('Transfer-Encoding: "chunked"')],
  ['chunked behind a tab', beside('Transfer-Encoding:\tchunked')],
  ['chunked behind a vertical tab', beside('Transfer-Encoding: \x0bchunked')],
  ['chunked with a parameter', beside('Transfer-Encoding: chunked;q=1')],
  ['a space before the colon of Transfer-Encoding', beside('Transfer-Encoding : chunked')],
  ['a space before Transfer-Encoding', beside('X: y\r\n Transfer-Encoding: chunked')],
  ['a fold inside Transfer-Encoding', beside('Transfer-Encoding:\r\n chunked')],
  ['a bare LF before Transfer-Encoding', beside('X: y\nTransfer-Encoding: chunked')],
  ['a bare CR before Transfer-Encoding', beside('X: y\rTransfer-Encoding: chunked')],
  ['NUL inside Transfer-Encoding', beside('Transfer-Encoding: chunked\0')],
  ['an underscore for the hyphen', beside('Transfer_Encoding: chunked')],
  ['chunked for HTTP/1.0', beside('Transfer-Encoding: chunked').replace('HTTP/1.1', 'HTTP/1.0')],
  [
    'two lengths, the first shorter',
    collect(`Content-Length: ${length(EVENT)}\r\nContent-Length: 999`, EVENT + INNER),
  ],
  [
    'two lengths, the second shorter',
    collect(`Content-Length: 999\r\nContent-Length: ${length(EVENT)}`, EVENT + INNER),
  ],
  ['two lengths in one', collect(`Content-Length: ${length(EVENT)}, 999`, EVENT + INNER)],
  ...['+21', '0x15', '21 1', '-21', '21\x0b', '2_1', '21;', '', '18446744073709551637'].map(
    (value) =>
      [
        `a length of ${JSON.stringify(value)}`,
        collect(`Content-Length: ${value}`, EVENT + INNER),
      ] as const,
  ),
  ['a space before the colon of Content-Length', collect('Content-Length : 21', EVENT + INNER)],
  ['a fold inside Content-Length', collect('Content-Length:\r\n 21', EVENT + INNER)],
  ['a chunk size of 2^64 and more', chunked(`1${hex.padStart(16, '0')}`)],
  ['a chunk size with 0x', chunked(`0x${hex}`)],
  ['a chunk size with a sign', chunked(`+${hex}`)],
  ['a negative chunk size', chunked(`-${hex}`)],
  ['a chunk size in decimal words', chunked('twenty')],
  ['no chunk size', chunked('')],
  ['a space behind the chunk size', chunked(`${hex} 0`)],
  ['a bare LF behind the chunk size', chunked(`${hex}\n${EVENT}\r\n0`, '')],
  ['a bare LF in a chunk extension', chunked(`${hex};a=b\nc`)],
  ['a bare CR in a chunk extension', chunked(`${hex};a=b\rc`)],
  ['a chunk longer than its size', chunked(hex, `${EVENT}x`)],
  ['a bare LF behind a chunk', chunked(hex, EVENT, '\n0\r\n\r\n')],
  ['a bare LF behind the last chunk', chunked(hex, EVENT, '\r\n0\n\n')],
  ['a trailer that is cut short', chunked(hex, EVENT, '\r\n0\r\nContent-Length: 0\r\nX')],
  ['the body of a pixel', withBody('GET /px.gif?event_id=seen-b HTTP/1.1')],
  ['the body of a pixel without its body', withBody('HEAD /px.gif?event_id=seen-c HTTP/1.1')],
  ['the body of an unknown path', withBody('POST /nowhere HTTP/1.1')],
  ['the body of a wrong method', withBody('PUT /collect HTTP/1.1')],
  ['the body of a preflight', withBody('OPTIONS /collect HTTP/1.1')],
  ['the body of a malformed path', withBody('GET /%zz HTTP/1.1')],
  ['a body of another type', withBody('POST /collect HTTP/1.1\r\nContent-Type: text/html')],
  ['a body of another encoding', withBody('POST /collect HTTP/1.1\r\nContent-Encoding: snappy')],
  ['a body that is damaged', withBody('POST /collect HTTP/1.1\r\nContent-Encoding: gzip')],
  ['the beginning of a body over the bound', collect('Content-Length: 9999999', INNER)],
  ['a body that waits to be asked for', withBody('POST /collect HTTP/1.1\r\nExpect: 100-continue')],
  ['a body behind a wrong expectation', withBody('POST /collect HTTP/1.1\r\nExpect: smuggling')],
  [
    'a request behind Connection: close',
    `GET /px.gif?event_id=seen-d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n${INNER}`,
  ],
  ['a request in a tunnel', `CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n${INNER}`],
  ['the preface of HTTP/2', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${INNER}`],
  ['HTTP/0.9', `GET /px.gif?event_id=${SMUGGLED}00\r\n\r\n`],
  ['a version nobody knows', `GET /px.gif?event_id=${SMUGGLED}00 HTTP/9.9\r\nHost: a\r\n\r\n`],
  [
    'a request line that is folded',
    `GET\r\n /px.gif?event_id=${SMUGGLED}00 HTTP/1.1\r\nHost: a\r\n\r\n`,
  ],
  [
    'a header without a name',
    `GET /px.gif?event_id=${SMUGGLED}00 HTTP/1.1\r\n: x\r\nHost: a\r\n\r\n`,
  ],
  [
    'a header with NUL in its name',
    `GET /px.gif?event_id=${SMUGGLED}00 HTTP/1.1\r\nX\0Y: z\r\n\r\n`,
  ],
  ['garbage before a request', `\0\0\0\0${INNER}`],
];

/** Each with an id of its own, of the same length. */
export const SMUGGLING = SHAPES.map(([name, bytes], n) => ({
  name,
  id: `${SMUGGLED}${String(n).padStart(2, '0')}`,
  bytes: bytes.replaceAll(`${SMUGGLED}00`, `${SMUGGLED}${String(n).padStart(2, '0')}`),
}));
