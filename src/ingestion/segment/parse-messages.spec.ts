import { describe, expect, it } from 'vitest';
import { listOf } from '../../../test/support/work.js';
import { resultOf } from '../../event/work.js';
import { BuiltElement } from '../collect/large-element.js';
import { UnreadElement } from '../unread-element.js';
import { messageIn, parseMessages } from './parse-messages.js';

const LIMITS = { maxBatchEvents: 1000, maxEventBytes: 65_536 };
const FILLING = ' '.repeat(70_000);

/** The same body small, and with so many blanks that it is parsed in pieces. */
const sizes = (text: string): string[] => [text, text.replace('~', FILLING)].map(withoutMark);
const withoutMark = (text: string): string => text.replace('~', '');

function parsed(text: string, isBatch = true) {
  const { elements, envelope } = resultOf(parseMessages(text, isBatch, LIMITS));
  return { elements: listOf(elements), envelope };
}

describe('a batch', () => {
  it.each(
    sizes('{"writeKey":"k","sentAt":1,"batch":~[{"a":"]}"},5,{"b":[{}]}],"context":{"c":1}}'),
  )('has its messages and what is beside them', (text) => {
    const { elements, envelope } = parsed(text);
    expect(elements[0]).toEqual({ a: ']}' });
    expect(elements[2]).toEqual({ b: [{}] });
    expect(elements).toHaveLength(3);
    expect(envelope).toMatchObject({ writeKey: 'k', sentAt: 1, context: { c: 1 } });
  });

  it.each([
    ...sizes('{"batch":~{}}'),
    ...sizes('{"batch":~5}'),
    ...sizes('{"batch":[1],"batch":~5}'),
    ...sizes('{"batch":[1],"batch":~{"x":[1]}}'),
    ...sizes('[{"batch":~[1]}]'),
    ...sizes('[["batch",~[1]]]'),
    ...sizes('{~"other":[1]}'),
    ...sizes('[~{}]'),
    ...sizes('~5'),
    ...sizes('~"text"'),
    ...sizes('null~'),
  ])('that is none is one refused element: %#', (text) => {
    const { elements } = parsed(text);
    expect(elements).toEqual([expect.any(UnreadElement)]);
  });

  it.each(sizes('{"batch":~[]}'))('may be empty', (text) => {
    expect(parsed(text).elements).toEqual([]);
  });

  it.each([
    ...sizes('{"batch":~[}'),
    ...sizes('{"batch":~[1]'),
    ...sizes('{"batch":~[1]]}'),
    ...sizes('{"batch":~[1],}'),
    ...sizes('{"batch":~[1]}{'),
    ...sizes('{~"other":}'),
    ...sizes('{~"a":"\\'),
  ])('that is no JSON is refused: %#', (text) => {
    expect(() => parsed(text)).toThrow('not valid JSON');
  });

  it.each([
    ...sizes('{"batch":[1],"batch":~[{"last":1}]}'),
    ...sizes('{"x":{"batch":[1]},"b\\u0061tch":~[{"last":1}]}'),
    ...sizes('{"x":"\\"batch\\":[","batch":~[{"last":1}]}'),
    ...sizes('{"batch":[{"batch":[2]}],"batches":[3],"batch":~[{"last":1}],"x":[{"batch":[4]}]}'),
    ...sizes('{"y":["batch",[5]],"batch":~[{"last":1}],"z":"batch"}'),
  ])('is what JSON.parse takes for it: %#', (text) => {
    expect(parsed(text).elements).toEqual([{ last: 1 }]);
  });

  it.each(sizes(`{"batch":[${'1,'.repeat(1000)}1~]}`))('has so many messages at most', (text) => {
    expect(() => parsed(text)).toThrow('more events than MAX_BATCH_EVENTS');
  });

  it('is looked for with pauses, in long texts and long strings', () => {
    const text = `{"a":"${'\\"'.repeat(15_000)}","batch":[${' '.repeat(200_000)}]}`;
    const work = parseMessages(text, true, { ...LIMITS });
    let pauses = 0;
    while (work.next().done !== true) {
      pauses += 1;
    }
    expect(pauses).toBeGreaterThan(5);
  });

  it('counts in its messages nothing of what is beside them', () => {
    const message = { type: 'x'.repeat(70_000) };
    const text = JSON.stringify({ a: [1, 2, 3], batch: [message], b: { c: [4, 5] } });
    expect(parsed(text).elements).toEqual([new BuiltElement(message, 3)]);
  });

  it('may be large, but not what is beside it', () => {
    const text = JSON.stringify({ context: { text: 'x'.repeat(70_000) }, batch: [{}] });
    expect(() => parsed(text)).toThrow('beside the batch');
  });
});

describe('a single message', () => {
  it.each(sizes('{"writeKey":"k"~}'))('is the body', (text) => {
    const { elements, envelope } = parsed(text, false);
    const [element] = elements;
    expect(elements).toHaveLength(1);
    expect(messageIn(element)).toEqual({ writeKey: 'k' });
    expect(envelope).toEqual({ writeKey: 'k' });
  });

  it.each([...sizes('[~{}]'), ...sizes('[~]'), ...sizes('~5'), ...sizes('~null')])(
    'is an object: %#',
    (text) => {
      expect(parsed(text, false).elements).toEqual([expect.any(UnreadElement)]);
    },
  );

  it('may be large, and says who sent it', () => {
    const message = { writeKey: 'k', text: 'x'.repeat(200_000) };
    const { elements, envelope } = parsed(JSON.stringify(message), false);
    expect(elements).toEqual([new BuiltElement(message, 5)]);
    expect(envelope).toEqual(message);
  });

  it('is not parsed when it holds far too many values', () => {
    const text = `{"list":[${'1,'.repeat(524_288)}1]}`;
    expect(parsed(text, false).elements).toMatchObject([{ reason: 'too_large' }]);
  });
});
