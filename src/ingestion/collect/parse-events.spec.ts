import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostileBody } from '../../../test/support/load/hostile-bodies.js';
import { listOf } from '../../../test/support/work.js';
import { resultOf } from '../../event/work.js';
import { type EventContext, prepareEvent } from '../../event/prepare-event.js';
import { HttpError } from '../../http/errors.js';
import type { BodyForm } from '../body/media-type.js';
import { UnreadElement } from '../unread-element.js';
import { PAUSE } from '../elements.js';
import { parseEvents as parse } from './parse-events.js';

const MAX_EVENT_BYTES = 65_536;
const removals = { sanitizers: [], visitor: false, fieldRules: undefined };

/** How long a text may be that is parsed at once: both ways have to agree. */
const AT_ONCE = [
  ['at once', 65_536],
  ['by element', 0],
] as const;

function parseEvents(form: BodyForm, text: string, maxBatchEvents: number, atOnce: number) {
  const limits = { maxBatchEvents, maxEventBytes: MAX_EVENT_BYTES, removals };
  return listOf(resultOf(parse(form, text, limits, atOnce)));
}

function failure(form: BodyForm, text: string, atOnce: number, maxEvents = 3): HttpError {
  try {
    parseEvents(form, text, maxEvents, atOnce);
  } catch (error) {
    if (error instanceof HttpError) {
      return error;
    }
    throw error;
  }
  throw new Error('it was parsed');
}

describe.each(AT_ONCE)('JSON, parsed %s', (_, atOnce) => {
  it('is one event or a list of them, whatever they are', () => {
    expect(parseEvents('json', ' {"a":1} ', 3, atOnce)).toEqual([{ a: 1 }]);
    const [event, ...others] = parseEvents('json', '[{"a":1},null,[7]]', 3, atOnce);
    expect(event).toEqual({ a: 1 });
    const notAnObject = new UnreadElement('not_an_object', 'event: must be an object');
    expect(others).toEqual(atOnce === 0 ? [notAnObject, notAnObject] : [null, [7]]);
  });

  it('keeps __proto__ as data', () => {
    const [event] = parseEvents('json', '{"__proto__":{"x":1}}', 1, atOnce);
    expect(Object.keys(event as object)).toEqual(['__proto__']);
    expect(event).not.toHaveProperty('x');
  });

  it('keeps the digits of numbers that no double holds', () => {
    const text = '[{"a":12345678901234567890},{"b":[1e400]}]';
    expect(JSON.stringify(parseEvents('json', text, 3, atOnce))).toBe(text);
  });

  it.each([
    ['7', 'GT_NOT_AN_EVENT'],
    ['"{}"', 'GT_NOT_AN_EVENT'],
    [' 1e400', 'GT_NOT_AN_EVENT'],
    ['null', 'GT_NOT_AN_EVENT'],
    ['[]', 'GT_NO_EVENTS'],
    ['{', 'GT_MALFORMED_JSON'],
    [' ', 'GT_MALFORMED_JSON'],
    ['{}{}', 'GT_MALFORMED_JSON'],
    ['[{},{},{"a":tru}]', 'GT_MALFORMED_JSON'],
    ['[1,2,3,4,]', 'GT_MALFORMED_JSON'],
    ['[1,2,3,4]', 'GT_TOO_MANY_EVENTS'],
  ])('%s is refused as %s', (text, code) => {
    expect(failure('json', text, atOnce).code).toBe(code);
  });

  it('says where it is malformed', () => {
    expect(failure('json', '[{"a":1},{"a":01}]', atOnce).message).toMatch(/at position 15$/);
    expect(failure('json', '[{"a":1},', atOnce).message).toMatch(/it ends too early$/);
  });

  it('survives what is nested without end', () => {
    const depth = 500_000;
    expect(parseEvents('json', '['.repeat(depth) + ']'.repeat(depth), 3, atOnce)).toHaveLength(1);
  });
});

describe.each(AT_ONCE)('NDJSON, parsed %s', (_, atOnce) => {
  it('is an element a line; blank lines are none', () => {
    const text = '\n{"a":1}\r\n \t\r\n{"b":2}\n\n  {"c":3}';
    expect(parseEvents('ndjson', text, 3, atOnce)).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }]);
    expect(parseEvents('ndjson', '[2]\n"x"', 3, 65_536)).toEqual([[2], 'x']);
  });

  it('keeps the digits of numbers that no double holds, line by line', () => {
    const text = '{"a":12345678901234567890}\n{"b":1.5}\n{"c":1e400}';
    const elements = parseEvents('ndjson', text, 3, atOnce);
    expect(elements.map((element) => JSON.stringify(element)).join('\n')).toBe(text);
  });

  it('continues after a malformed line', () => {
    const where = atOnce === 0 ? 'it ends too early' : 'at position 4';
    expect(parseEvents('ndjson', '{"a"\n{"b":1}', 3, atOnce)).toEqual([
      new UnreadElement('malformed', `the line is not valid JSON: ${where}`),
      { b: 1 },
    ]);
  });

  it.each([
    ['', 'GT_NO_EVENTS'],
    ['\n \n', 'GT_NO_EVENTS'],
    ['1\n2\n3\n4', 'GT_TOO_MANY_EVENTS'],
  ])('%o is refused as %s', (text, code) => {
    expect(failure('ndjson', text, atOnce).code).toBe(code);
  });

  it('says how many events a request may hold', () => {
    expect(failure('ndjson', '1\n2\n3', atOnce, 2).message).toMatch(/at most 2$/);
  });
});

describe('any body', () => {
  const context: EventContext = {
    receivedAtMs: 0,
    server: undefined,
    userAgent: undefined,
    anonymous: false,
    sanitizer: undefined,
    maxEventBytes: MAX_EVENT_BYTES,
  };

  /** The refusal of the body, or each element as it is stored or why it is not. */
  function outcome(form: BodyForm, text: string, atOnce: number): unknown {
    try {
      return parseEvents(form, text, 10, atOnce).map((element) => {
        if (element instanceof UnreadElement) {
          return element.reason;
        }
        const { json, rejected } = prepareEvent(element, context);
        return rejected?.reason ?? json?.toString().replace(/"event_id":"[^"]*",/, '');
      });
    } catch (error) {
      return (error as HttpError).code;
    }
  }

  it('becomes the same by element as at once', () => {
    const texts = hostileBody
      .filter(({ contentEncoding }) => contentEncoding === undefined)
      .map(({ bytes }) => bytes.toString());
    let stored = 0;
    fc.assert(
      fc.property(texts, fc.constantFrom<BodyForm>('json', 'ndjson'), (text, form) => {
        const expected = outcome(form, text, Number.MAX_SAFE_INTEGER);
        expect(outcome(form, text, 0)).toEqual(expected);
        stored += Array.isArray(expected) ? 1 : 0;
      }),
      {
        numRuns: 2000,
        examples: [[String.raw`{"received_at":[1e999],"ts":{"\ud800":1}}`, 'json']],
      },
    );
    expect(stored).toBeGreaterThan(200);
  });

  it('is given with a pause after each element when it is large', () => {
    const limits = { maxBatchEvents: 3, maxEventBytes: MAX_EVENT_BYTES, removals };
    for (const [form, text] of [
      ['json', '[{},{}]'],
      ['ndjson', '{}\n{}'],
    ] as const) {
      expect(
        [...resultOf(parse(form, text, limits, 0))].filter((one) => one === PAUSE).length,
      ).toBeGreaterThanOrEqual(2);
    }
  });

  it.each([
    ['of many events', `[${'{},'.repeat(300_000)}{}]`],
    ['of blanks', ' '.repeat(1_000_000)],
    ['of one text', `{"a":"${'x'.repeat(1_000_000)}"}`],
    ['of one line after blank ones', `${'\n'.repeat(1_000_000)}{}`],
    ['nested deep', '['.repeat(1_000_000)],
  ])('%s is looked through in pieces', (_, text) => {
    const limits = { maxBatchEvents: 1_000_000, maxEventBytes: MAX_EVENT_BYTES, removals };
    for (const form of ['json', 'ndjson'] as const) {
      let pauses = 0;
      try {
        const work = parse(form, text, limits);
        let step = work.next();
        for (; !step.done; step = work.next()) {
          pauses += 1;
        }
        pauses += [...step.value].filter((element) => element === PAUSE).length;
      } catch {
        // Malformed, or no event.
      }
      expect(pauses).toBeGreaterThan(20);
    }
  });

  it.each([
    ['nested too deep', `{"a":${'['.repeat(40)}${']'.repeat(40)}}`, 'too_deep'],
    ['of too many fields', members(40_000), 'too_many_fields'],
    ['of too many values', `{"a":[${'{},'.repeat(70_000)}{}]}`, 'too_large'],
    ['of a text far too long', `{"a":"${'x'.repeat(140_000)}"}`, 'too_large'],
    ['that is a list', `[${'1,'.repeat(40_000)}1]`, 'not_an_object'],
  ])('holds an element %s of which no event is made', (_, element, reason) => {
    expect(parseEvents('json', `[{"a":1},${element}]`, 2, 0)).toEqual([
      { a: 1 },
      expect.objectContaining({ reason }),
    ]);
    expect(parseEvents('ndjson', `{"a":1}\n${element}`, 2, 0)).toEqual([
      { a: 1 },
      expect.objectContaining({ reason }),
    ]);
  });

  it('may hold an event that shrinks to its bound as it is stored', () => {
    const text = `{${' '.repeat(500_000)}"a":"${'\\u0061'.repeat(60_000)}"}`;
    expect(parseEvents('json', text, 1, 65_536)).toEqual([{ a: 'a'.repeat(60_000) }]);
  });
});

function members(count: number): string {
  return `{${Array.from({ length: count }, (_, n) => `"f${n}":${n}`).join(',')}}`;
}
