import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resultOf } from '../../event/work.js';
import { FieldRules } from '../../event/field-rules.js';
import type { Fields } from '../../event/fields.js';
import { MAX_DEPTH, survey } from '../../event/limits.js';
import { parseJson } from '../../event/parse-json.js';
import {
  type EventContext,
  type Prepared,
  prepareEvent,
  prepareEventInPieces,
} from '../../event/prepare-event.js';
import { createSanitizer } from '../../event/sanitize.js';
import { EncodedList } from '../../event/encoded-list.js';
import { UnreadElement } from '../unread-element.js';
import { JsonBuilder } from './json-builder.js';
import { JsonScanner, type ScannedValue } from './json-scanner.js';
import { readLargeElement } from './large-element.js';
import { LeastSize } from './least-size.js';
import type { Removals } from './value-places.js';

const MAX_EVENT_BYTES = 65_536;

const KEEPING: EventContext = {
  receivedAtMs: Date.parse('2026-11-26T10:00:00.000Z'),
  server: undefined,
  userAgent: undefined,
  anonymous: false,
  sanitizer: undefined,
  maxEventBytes: MAX_EVENT_BYTES,
};
const fieldRules = new FieldRules({
  dropped: [['props', 'dropped'], ['props', 'list', '*'], ['user', 'traits', '*', 'a'], ['gone']],
  hashed: [
    ['props', 'hashed'],
    ['user', 'id'],
  ],
  secret: 'secret',
});
const context = fc.record({
  sanitizer: fc.constantFrom(undefined, createSanitizer(['token', 'utm_source'])),
  fieldRules: fc.constantFrom(undefined, fieldRules),
  anonymous: fc.boolean(),
});
type Removing = Pick<EventContext, 'sanitizer' | 'fieldRules' | 'anonymous'>;

function removalsOf(removing: Removing): Removals {
  return {
    sanitizers: removing.sanitizer === undefined ? [] : [removing.sanitizer],
    visitor: removing.anonymous,
    fieldRules: removing.fieldRules,
  };
}

const NONE = removalsOf(KEEPING);

const blank = fc.constantFrom('', '', ' ', '\n  ', '\t\r\n');
const name = fc.constantFrom(
  ...'event_id ts sent_at received_at server type url route device session user props'.split(' '),
  ...'utm source query token raw_query referrer canonical_url id traits screens x a _a'.split(' '),
  ...'dropped list hashed gone visitor_id __proto__ 0 x?token=1 \\u0061'.split(' '),
  '',
);
const text = fc.oneof(
  fc.constantFrom(
    ...'a é ? ?utm_source=m&token=1 token=1 http://u:p@h/?token=1 u:p@h //u@h/a/../b'.split(' '),
    ...'a@b 2026-11-26T10:00:00Z https://u@shop.example/x%3Ftoken%3D1'.split(' '),
    String.raw`\u00e9\u0000\ud800\n\"\\`,
    'x'.repeat(300),
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }).map((one) => JSON.stringify(one).slice(1, -1)),
);
const scalar = fc.oneof(
  text.map((one) => `"${one}"`),
  fc.constantFrom(
    ...'null true false 0 -0 1.50000000000 1e400 12345678901234567890 100e-2 1E5'.split(' '),
    ...'0.1e400 9007199254740993 -1 [] {}'.split(' '),
  ),
);

function joined(parts: readonly string[], blanks: string): string {
  return parts.join(`${blanks},${blanks}`);
}

const { element, value: anyValue } = fc.letrec<{
  value: string;
  list: string;
  object: string;
  element: string;
}>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, scalar, scalar, tie('list'), tie('object')),
  list: fc
    .tuple(fc.array(tie('value'), { maxLength: 4 }), blank)
    .map(([parts, blanks]) => `[${blanks}${joined(parts, blanks)}]`),
  object: fc
    .tuple(
      fc.array(
        fc
          .tuple(name, blank, tie('value'))
          .map(([key, blanks, value]) => `"${key}"${blanks}:${blanks}${value}`),
        { maxLength: 6 },
      ),
      blank,
    )
    .map(([parts, blanks]) => `{${blanks}${joined(parts, blanks)}${blanks}}`),
  element: tie('object'),
}));

function scanned(json: string): ScannedValue {
  const scanner = new JsonScanner(json, 1);
  resultOf(scanner.scan('whole'));
  return scanner.found[0] as ScannedValue;
}

function built(json: string): unknown {
  const { start, end } = scanned(json);
  return resultOf(new JsonBuilder(json, start, end).build());
}

function measured(json: string, removing: Removing = KEEPING): LeastSize {
  const { start, end } = scanned(json);
  const least = new LeastSize(json, start, end, removalsOf(removing));
  resultOf(least.measure());
  return least;
}

function read(json: string, removing: Removing = KEEPING): unknown {
  return resultOf(readLargeElement(json, scanned(json), MAX_EVENT_BYTES, removalsOf(removing)));
}

/** As it is stored, or why it is not. */
function outcome(value: unknown, removing: Removing): unknown {
  return value instanceof UnreadElement
    ? 'rejected'
    : outcomeOf(prepareEvent(value, { ...KEEPING, ...removing }));
}

function outcomeInPieces(value: unknown, removing: Removing): unknown {
  return value instanceof UnreadElement
    ? 'rejected'
    : outcomeOf(resultOf(prepareEventInPieces(value, { ...KEEPING, ...removing })));
}

function outcomeOf({ json }: Prepared): unknown {
  return json?.toString().replace(/"event_id":"[^"]*",/, '') ?? 'rejected';
}

/** The same, and what is kept of a rejected one. */
function wholeOutcome({ json, rejected }: Prepared): unknown {
  return [
    json?.toString().replace(/"event_id":"[^"]*",/, ''),
    rejected && { ...rejected, event: rejected.event?.toString() },
  ];
}

describe('a large element', () => {
  it('is built as it would be parsed', () => {
    fc.assert(
      fc.property(element, (json) => {
        const value = built(json);
        expect(value).toEqual(parseJson(json));
        expect(JSON.stringify(value)).toBe(JSON.stringify(parseJson(json)));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['of escapes', String.raw`\u00e9\ud83d\ude00\"\\\n`.repeat(5000)],
    ['of backslashes', '\\\\'.repeat(50_000)],
    ['without escapes', 'é'.repeat(50_000)],
  ])('may hold a long text %s', (_, content) => {
    for (const before of ['', 'x', 'xx', 'xxx', 'xxxx', 'xxxxx']) {
      const json = `{"a":"${before}${content}"}`;
      expect(built(json)).toEqual(JSON.parse(json));
    }
  });

  it('has as many fields and levels as are found later, and no more bytes than are stored', () => {
    let stored = 0;
    fc.assert(
      fc.property(element, context, (json, removing) => {
        const value = parseJson(json) as Fields;
        const least = measured(json, removing);
        expect(least.isTooDeep).toBe(false);
        expect(least.fields).toBe(survey(value)?.fields);
        const prepared = prepareEvent(value, { ...KEEPING, ...removing, maxEventBytes: 1e9 });
        stored += prepared.json === undefined ? 0 : 1;
        expect(least.size).toBeLessThanOrEqual(prepared.json?.length ?? Infinity);
      }),
      { numRuns: 2000 },
    );
    expect(stored).toBeGreaterThan(200);
  });

  it('is stored or rejected as if it had been parsed at once', () => {
    const long = fc.constantFrom(
      ' '.repeat(150_000),
      String.raw`\u00e9`.repeat(30_000),
      'x'.repeat(140_000),
      `http://${'u'.repeat(140_000)}@h/`,
      `/?token=${'x'.repeat(140_000)}`,
    );
    const longValue = fc.oneof(
      long.map((one) => `"${one}"`),
      fc.constantFrom(
        `[${'1,'.repeat(80_000)}1]`,
        `[${'{},'.repeat(60_000)}{"a":1}]`,
        `{${Array.from({ length: 1100 }, (_, n) => `"${n}":0`).join(',')}}`,
        '{"a":'.repeat(40) + '1' + '}'.repeat(40),
        `${' '.repeat(150_000)}7`,
      ),
    );
    const one = fc.tuple(name, fc.oneof(longValue, scalar));
    const members = (pairs: readonly (readonly [string, string])[]): string =>
      pairs.map(([key, value]) => `"${key}":${value}`).join(',');
    const outcomes = new Set<unknown>();
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 4 }),
        fc.array(one, { minLength: 1, maxLength: 4 }),
        context,
        (outer, inner, removing) => {
          const json = `{${[members(outer), `"props":{${members(inner)}}`].filter(Boolean).join(',')}}`;
          const expected = outcome(parseJson(json), removing);
          // Both may be long.
          expect(outcomeInPieces(read(json, removing), removing) === expected).toBe(true);
          outcomes.add(expected === 'rejected' ? expected : 'stored');
        },
      ),
      { numRuns: 100 },
    );
    expect(outcomes).toEqual(new Set(['rejected', 'stored']));
  });

  it('is the same with long lists, names that come again, and names that a sanitizer changes', () => {
    const places = (list: string, more: string): string[] => [
      `{"props":{"a":${list},"b":{"c":${list}}},${more}}`,
      `{${more},"props":{"dropped":${list},"list":${list},"hashed":${list}}}`,
      `{"x":${list},${more},"ts":${list},"context":{"a":${list},"ip":"10.0.0.1"}}`,
      `{"user":{"traits":{"a":${list},"b":{"a":${list}}}},"route":{"query":{"a":${list}}},${more}}`,
      `{"url":{"utm":{"source":${list}}},"device":{"languages":${list}},${more}}`,
      `{"a?token=1":${list},"url?token=1":${list},"a":{"b":${list}},${more}}`,
      `{"gone":{"b":${list}},"a":${list},"a":1,"server":${list},"sent_at":${list},${more}}`,
      `{"props":${list},"session":${list},${more}}`,
    ];
    const longList = fc
      .tuple(fc.array(anyValue, { minLength: 1, maxLength: 8 }), fc.constantFrom(1, 10, 300))
      .map(([parts, times]) => `[${Array<string>(times).fill(parts.join(',')).join(',')}]`);
    const events = fc
      .tuple(longList, name, anyValue, fc.nat(7))
      .map(([list, key, value, place]) => places(list, `"${key}":${value}`)[place] as string);
    const stored = new Set<boolean>();
    fc.assert(
      fc.property(events, context, (json, removing) => {
        const expected = wholeOutcome(
          prepareEvent(parseJson(json), { ...KEEPING, ...removing, maxEventBytes: 1e9 }),
        );
        const value = resultOf(readLargeElement(json, scanned(json), 1e9, removalsOf(removing)));
        const given = { ...KEEPING, ...removing, maxEventBytes: 1e9 };
        if (!(value instanceof UnreadElement)) {
          expect(wholeOutcome(resultOf(prepareEventInPieces(value, given)))).toEqual(expected);
        }
        stored.add(!(value instanceof UnreadElement) && (expected as unknown[])[0] !== undefined);
      }),
      { numRuns: 300 },
    );
    expect(stored).toContain(true);
  });

  it.each<[string, string, Removing]>([
    ['between blanks', `{${' \n'.repeat(300_000)}"a":1}`, KEEPING],
    ['in escapes', `{"a":"${String.raw`\u0061`.repeat(60_000)}"}`, KEEPING],
    ['in fields that the server writes', `{"server":[${'1,'.repeat(200_000)}1]}`, KEEPING],
    ['in the numbers', `{"a":[${`0.${'1'.repeat(1000)},`.repeat(500)}1]}`, KEEPING],
    ['in a name that comes again', `{"a":[${'1,'.repeat(200_000)}1],"a":1}`, KEEPING],
    ['in one of many levels', `{"a":${'['.repeat(5000)}${']'.repeat(5000)},"a":1}`, KEEPING],
    ['in many names that come again', `{${'"a":{"b":1},'.repeat(40_000)}"a":1}`, KEEPING],
    [
      'in a user name and password',
      `{"url":{"referrer":"http://${'u'.repeat(300_000)}@h/"}}`,
      KEEPING,
    ],
    [
      'in query parameters that are stripped',
      `{"a":"/?token=${'x'.repeat(300_000)}"}`,
      { ...KEEPING, sanitizer: createSanitizer(['token']) },
    ],
    [
      'in fields that are dropped',
      `{"props":{"dropped":[${'1,'.repeat(200_000)}1]},"gone":"${'x'.repeat(200_000)}"}`,
      { ...KEEPING, fieldRules },
    ],
    [
      'in fields that are hashed',
      `{"user":{"id":"${'x'.repeat(200_000)}"}}`,
      { ...KEEPING, fieldRules },
    ],
    [
      'in fields of a visitor who is not to be tracked',
      `{"session":{"visitor_id":"${'x'.repeat(200_000)}"}}`,
      { ...KEEPING, anonymous: true },
    ],
  ])('is stored when what makes it large is %s', (_, json, removing) => {
    const expected = outcome(parseJson(json), removing);
    expect(expected).not.toBe('rejected');
    expect(outcome(read(json, removing), removing)).toBe(expected);
  });

  it.each([
    ['a list', `[${'1,'.repeat(40_000)}1]`, 'not_an_object'],
    ['nested without end', `{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}`, 'too_deep'],
    ['nested a level too deep', '{"a":'.repeat(MAX_DEPTH + 1) + '1' + '}'.repeat(33), 'too_deep'],
    ['of 524,289 values and names', `{"server":[${'1,'.repeat(524_286)}1]}`, 'too_large'],
    [
      'of too many names',
      `{${Array.from({ length: 40_000 }, (_, n) => `"f${n}":0`).join(',')}}`,
      'too_many_fields',
    ],
    ['of too many digits', `{"a":[${'12345678901234567890,'.repeat(10_000)}1]}`, 'too_large'],
    ['whose ts is a long list', `{"ts":[${'{},'.repeat(70_000)}1]}`, 'too_large'],
    ['of too many bytes', `{"a":"${'x'.repeat(140_000)}"}`, 'too_large'],
  ])('%s is rejected before an event is made of it', (_, json, reason) => {
    expect(read(json)).toMatchObject({ reason });
  });

  it.each<[string, string, object, Removing]>([
    [
      'what a rule drops',
      `"props":{"dropped":[${'{},'.repeat(2000)}{}]}`,
      { props: { dropped: true } },
      { ...KEEPING, fieldRules },
    ],
    [
      'what the server writes',
      `"server":{"a":[${'{},'.repeat(2000)}{}]}`,
      { server: true },
      KEEPING,
    ],
    [
      'a visitor who asks not to be tracked',
      `"user":{"id":"${'x'.repeat(2000)}"}`,
      { user: true },
      { ...KEEPING, anonymous: true },
    ],
    ['a value whose name comes again', `"a":[${'{},'.repeat(2000)}{}],"a":1`, { a: 1 }, KEEPING],
  ])('holds nothing of %s', (_, members, value, removing) => {
    expect(read(`{${members}}`, removing)).toEqual(value);
  });

  it('holds what names its client, also where a rule drops it', () => {
    const event = { context: { ip: 'x'.repeat(2000), userAgent: 'y'.repeat(2000) } };
    const dropping = new FieldRules({
      dropped: [
        ['context', 'ip'],
        ['context', 'userAgent'],
      ],
      hashed: [],
      secret: '',
    });
    expect(read(JSON.stringify(event), { ...KEEPING, fieldRules: dropping })).toEqual(event);
  });

  it('holds the elements of its long lists encoded', () => {
    const event = read(`{"props":{"a":[${'{"b" : [1]},'.repeat(500)}[]]}}`) as Fields;
    const list = (event['props'] as Fields)['a'] as EncodedList;
    expect(list).toBeInstanceOf(EncodedList);
    expect(list.text).toBe(`[${'{"b":[1]},'.repeat(500)}[]]`);
  });

  it.each([
    ['of parameters', `"?${'&token='.repeat(150_000)}"`],
    ['of parameters that stay', `"?${'&a='.repeat(300_000)}"`],
    ['of encoded separators', `"&token=${'%2526'.repeat(200_000)}"`],
    ['of escapes', `"${String.raw`\u0000`.repeat(150_000)}"`],
  ])('pauses while a text %s is prepared', (_, long) => {
    const given = { ...KEEPING, sanitizer: createSanitizer(['token']), maxEventBytes: 1e6 };
    let pauses = 0;
    const work = prepareEventInPieces(JSON.parse(`{"props":{"a":${long}}}`), given);
    while (!work.next().done) {
      pauses += 1;
    }
    expect(pauses).toBeGreaterThan(10);
  });

  it('pauses while it is built and looked into', () => {
    const json = `{"a":[${'{},'.repeat(300_000)}{}],"b":"${'x'.repeat(1_000_000)}"}`;
    const { start, end } = scanned(json);
    const pausesIn = (work: Iterator<unknown, unknown>): number => {
      for (let pauses = 0; ; pauses += 1) {
        if (work.next().done) {
          return pauses;
        }
      }
    };
    expect(pausesIn(new JsonBuilder(json, start, end).build())).toBeGreaterThan(100);
    expect(pausesIn(new LeastSize(json, start, end, NONE).measure())).toBeGreaterThan(100);
  });
});
