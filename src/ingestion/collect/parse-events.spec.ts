import { describe, expect, it } from 'vitest';
import { HttpError } from '../../http/errors.js';
import type { BodyForm } from '../body/media-type.js';
import { MalformedElement } from '../malformed-element.js';
import { parseEvents } from './parse-events.js';

function failure(form: BodyForm, text: string, maxEvents = 3): HttpError {
  try {
    parseEvents(form, text, maxEvents);
  } catch (error) {
    if (error instanceof HttpError) {
      return error;
    }
    throw error;
  }
  throw new Error('it was parsed');
}

describe('JSON', () => {
  it('is one event or a list of them, whatever they are', () => {
    expect(parseEvents('json', ' {"a":1} ', 3)).toEqual([{ a: 1 }]);
    expect(parseEvents('json', '[{"a":1},null,[7]]', 3)).toEqual([{ a: 1 }, null, [7]]);
  });

  it('keeps __proto__ as data', () => {
    const [event] = parseEvents('json', '{"__proto__":{"x":1}}', 1);
    expect(Object.keys(event as object)).toEqual(['__proto__']);
    expect(event).not.toHaveProperty('x');
  });

  it('keeps the digits of numbers that no double holds', () => {
    const text = '[{"a":12345678901234567890},{"b":[1e400]}]';
    expect(JSON.stringify(parseEvents('json', text, 3))).toBe(text);
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
    ['[1,2,3,4]', 'GT_TOO_MANY_EVENTS'],
  ])('%s is refused as %s', (text, code) => {
    expect(failure('json', text).code).toBe(code);
  });

  it('survives what is nested without end', () => {
    const depth = 500_000;
    const [event] = parseEvents('json', '['.repeat(depth) + ']'.repeat(depth), 3);
    expect(event).toHaveLength(1);
  });
});

describe('NDJSON', () => {
  it('is an element a line; blank lines are none', () => {
    expect(parseEvents('ndjson', '\n{"a":1}\r\n \t\r\n[2]\n\n"x"', 3)).toEqual([
      { a: 1 },
      [2],
      'x',
    ]);
  });

  it('keeps the digits of numbers that no double holds, line by line', () => {
    const text = '{"a":12345678901234567890}\n{"b":1.5}\n{"c":1e400}';
    const elements = parseEvents('ndjson', text, 3);
    expect(elements.map((element) => JSON.stringify(element)).join('\n')).toBe(text);
  });

  it('continues after a malformed line', () => {
    expect(parseEvents('ndjson', '{"a"\n{"b":1}', 3)).toEqual([
      new MalformedElement('at position 4'),
      { b: 1 },
    ]);
  });

  it.each([
    ['', 'GT_NO_EVENTS'],
    ['\n \n', 'GT_NO_EVENTS'],
    ['1\n2\n3\n4', 'GT_TOO_MANY_EVENTS'],
  ])('%o is refused as %s', (text, code) => {
    expect(failure('ndjson', text).code).toBe(code);
  });

  it('says how many events a request may hold', () => {
    expect(failure('ndjson', '1\n2\n3', 2).message).toMatch(/at most 2$/);
  });
});
