import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';

/** What a client posts. */
export interface HostileBody {
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly bytes: Buffer;
}

const scalar = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    'null',
    'true',
    '0',
    '-0',
    '1e999',
    '-1e999',
    '1e-999',
    '1e400',
    '-1E+99',
    '123456789012345678901234567890',
    '0.1e1',
    '01',
    'NaN',
    '+1',
    '.5',
    '""',
    '"\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\ud83d\\ude00"',
    '"\u2028\u2029"',
    '"\ufeff"',
    '"\\u001f\\b\\f"',
    '"\n"',
    "'x'",
    '"2026-11-26T10:00:00Z"',
    '"yesterday"',
    '{}',
    '[]',
  ),
);
const name = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'event_id',
      'ts',
      'type',
      'url',
      'route',
      'device',
      'session',
      'props',
      'server',
      'received_at',
      'utm',
      'source',
      'query',
      'screens',
      'ua',
    ),
  },
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'toJSON',
    'length',
    '',
    '_a',
    'a',
    '\\u0000',
    '\\ud800',
    '0',
  ),
  fc.string({ maxLength: 6 }).map((text) => JSON.stringify(text).slice(1, -1)),
);

/** Text that is JSON more often than not: names come twice, numbers go beyond what fits. */
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    fc
      .array(fc.tuple(name, tie('value')), { maxLength: 5 })
      .map((members) => `{${members.map(([key, member]) => `"${key}":${member}`).join(',')}}`),
  ),
}));
const event = fc
  .array(fc.tuple(name, value), { maxLength: 5 })
  .map((members) => `{${members.map(([key, member]) => `"${key}":${member}`).join(',')}}`);
const nested = fc
  .tuple(fc.integer({ min: 1, max: 3000 }), fc.constantFrom('[]', '{"a":}', '{"props":}'))
  .map(
    ([depth, pair]) =>
      pair.slice(0, -1).repeat(depth) + (pair === '[]' ? '' : '1') + pair.slice(-1).repeat(depth),
  );
const long = fc
  .tuple(
    fc.integer({ min: 1, max: 70_000 }),
    fc.constantFrom('x', '\\u0000', '\\\\', '\u20ac', '\\ud800'),
  )
  .map(([count, unit]) => `{"props":{"long":"${unit.repeat(Math.floor(count / unit.length))}"}}`);
const wide = fc
  .integer({ min: 900, max: 1100 })
  .map(
    (count) => `{"props":{${Array.from({ length: count }, (_, n) => `"f${n}":${n}`).join(',')}}}`,
  );
const list = fc
  .array(fc.oneof(event, value), { maxLength: 14 })
  .map((items) => `[${items.join(',')}]`);
const lines = fc
  .array(fc.oneof(event, value, fc.constantFrom('', ' ', '\r', '{"a"', '\t')), { maxLength: 14 })
  .chain((items) => fc.constantFrom('\n', '\r\n', '\n\n').map((end) => items.join(end)));

const text = fc.oneof(
  { weight: 4, arbitrary: event },
  { weight: 4, arbitrary: list },
  { weight: 4, arbitrary: lines },
  { weight: 2, arbitrary: value },
  { weight: 1, arbitrary: nested },
  { weight: 1, arbitrary: long },
  { weight: 1, arbitrary: wide },
);
const encoded = fc
  .tuple(text, fc.constantFrom('utf8', 'utf8', 'utf8', 'utf8', 'bom', 'utf16le', 'latin1'))
  .map(([json, encoding]) =>
    encoding === 'bom'
      ? Buffer.from(`\ufeff${json}`)
      : Buffer.from(json, encoding as BufferEncoding),
  );

/** A change somewhere: 0 to 1 says where. */
const change = fc.tuple(
  fc.double({ min: 0, max: 0.999, noNaN: true }),
  fc.constantFrom('flip', 'drop', 'add', 'cut', 'twice'),
  fc.integer({ min: 0, max: 255 }),
);
const plain = fc.oneof(
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 8, arbitrary: encoded },
  {
    weight: 4,
    arbitrary: fc
      .tuple(encoded, fc.array(change, { minLength: 1, maxLength: 3 }))
      .map(([bytes, changes]) => changes.reduce(changed, bytes)),
  },
);

function changed(bytes: Buffer, [where, how, byte]: readonly [number, string, number]): Buffer {
  const at = Math.floor(where * bytes.length);
  const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (how) {
    case 'flip':
      return Buffer.concat([before, Buffer.of(byte), behind.subarray(1)]);
    case 'drop':
      return Buffer.concat([before, behind.subarray(1)]);
    case 'add':
      return Buffer.concat([before, Buffer.of(byte), behind]);
    case 'cut':
      return before;
    default:
      return Buffer.concat([bytes, bytes]);
  }
}

const contentType = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('application/json', 'application/x-ndjson', 'text/plain', undefined),
  },
  fc.constantFrom(
    'application/json; charset=utf-8',
    'APPLICATION/JSON;charset="UTF-8"',
    'application/x-ndjson;charset=latin1',
    'text/html',
    '',
    ';',
    'application/json, text/html',
    'multipart/form-data',
  ),
);

const fast = { params: { [constants.BROTLI_PARAM_QUALITY]: 0 } };
const compressions: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
  ['gzip', (bytes) => gzipSync(bytes, { level: 1 })],
  ['deflate', (bytes) => deflateSync(bytes, { level: 1 })],
  ['deflate', (bytes) => deflateRawSync(bytes, { level: 1 })],
  ['br', (bytes) => brotliCompressSync(bytes, fast)],
];
const compressed = fc
  .tuple(
    plain,
    fc.constantFrom(...compressions),
    fc.constantFrom('whole', 'whole', 'truncated', 'trailing', 'twice', 'changed', 'not'),
    change,
  )
  .map(([bytes, [contentEncoding, compress], state, how]) => {
    const packed = state === 'not' ? bytes : compress(bytes);
    const states: Record<string, () => Buffer> = {
      truncated: () => packed.subarray(0, packed.length - 3),
      trailing: () => Buffer.concat([packed, Buffer.from('trailing garbage')]),
      twice: () => compress(packed),
      changed: () => changed(packed, how),
    };
    return { contentEncoding, bytes: states[state]?.() ?? packed };
  });
const uncompressed = fc
  .tuple(
    plain,
    fc.constantFrom(
      undefined,
      undefined,
      undefined,
      undefined,
      'identity',
      '',
      'snappy',
      'gzip, br',
    ),
  )
  .map(([bytes, contentEncoding]) => ({ contentEncoding, bytes }));

export const hostileBody: fc.Arbitrary<HostileBody> = fc
  .tuple(
    contentType,
    fc.oneof({ weight: 3, arbitrary: uncompressed }, { weight: 1, arbitrary: compressed }),
  )
  .map(([type, { contentEncoding, bytes }]) => ({ contentType: type, contentEncoding, bytes }));
