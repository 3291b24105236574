import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEventId } from './event-id.js';

describe('isEventId', () => {
  it.each([
    '',
    ' ',
    '\t\u{A0}\u{FEFF}',
    'undefined',
    ' Undefined ',
    'null',
    'NULL',
    'NaN',
    'nan\n',
    '[object Object]',
    '[object Undefined]',
    '{{id}}',
    '{{ event.id }}',
    'order-{{id}}',
    '{{}}',
    '${id}',
    'a-${crypto.randomUUID()}',
    '%%CACHEBUSTER%%',
  ])('takes %j for none', (text) => {
    expect(isEventId(text)).toBe(false);
  });

  it.each([
    '0',
    'a',
    'nullable',
    'undefined-1',
    '{id}',
    '}}{{',
    '$id',
    '50%',
    '[1]',
    'x{{',
    'none',
  ])('takes %j for an id', (text) => {
    expect(isEventId(text)).toBe(true);
  });

  it('takes every UUID, and what has letters and digits only, for an id', () => {
    const word = fc.stringMatching(/^[\w:.-]{1,40}$/);
    fc.assert(
      fc.property(fc.oneof(fc.uuid(), word), (text) => {
        fc.pre(!/^(undefined|null|nan)$/i.test(text));
        expect(isEventId(text)).toBe(true);
      }),
    );
  });

  it('takes what a script writes around its blanks for none, in any case', () => {
    const blank = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\u{A0}'), maxLength: 3 });
    const word = fc.mixedCase(fc.constantFrom('undefined', 'null', 'nan', '[object object]', ''));
    fc.assert(
      fc.property(blank, word, blank, (before, text, after) => {
        expect(isEventId(before + text + after)).toBe(false);
      }),
    );
  });

  it.each([' ', '{{', '${', '%%', '[object '])('answers at once for a long text of %j', (part) => {
    const startedAt = performance.now();
    isEventId(`${part.repeat(500_000)}x`);
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });
});
