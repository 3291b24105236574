import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resultOf } from '../../../test/support/work.js';
import type { Fields } from '../../event/fields.js';
import { isFields, setField } from '../../event/fields.js';
import { prepareEvent } from '../../event/prepare-event.js';
import { LeastSize } from '../collect/least-size.js';
import { mapMessage } from './map-message.js';
import { CALLS, type Call, MAPPING } from './mapping.js';

/** What is read for the request alone, or must not be stored. */
const NOT_STORED: ReadonlySet<string> = new Set(['writeKey', 'sentAt', 'context.ip']);

const OTHER_NAMES = ['x', '__proto__', 'constructor', 'props', 'server', 'ts', 'name', 'context'];
const name = fc.constantFrom(
  ...OTHER_NAMES,
  ...new Set(MAPPING.flatMap(({ from }) => from.split('.'))),
);
/** Which kind of value a leaf gets; texts and numbers are made so that each can be told from all others. */
const leaf = fc.constantFrom('text', 'number', 'address', 'boolean', 'null');
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf,
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    members(tie('value')),
  ),
}));
const message = fc.record(
  {
    call: fc.constantFrom(...(Object.keys(CALLS) as Call[])),
    fields: members(value),
    context: members(value),
    page: members(value),
  },
  { requiredKeys: ['call', 'fields', 'context', 'page'] },
);

function members(of: fc.Arbitrary<unknown>): fc.Arbitrary<Fields> {
  return fc.array(fc.tuple(name, of), { maxLength: 8 }).map((entries) => {
    const fields: Fields = {};
    entries.forEach(([key, member]) => setField(fields, key, member));
    return fields;
  });
}

/** Gives each leaf a value of its own. */
class Values {
  readonly tokens: string[] = [];

  filled(given: unknown, path: string): unknown {
    if (Array.isArray(given)) {
      return given.map((element) => this.filled(element, `${path}.`));
    }
    if (isFields(given)) {
      const fields: Fields = {};
      for (const key of Object.keys(given)) {
        setField(fields, key, this.filled(given[key], path === '' ? key : `${path}.${key}`));
      }
      return fields;
    }
    return this.one(given, ![...NOT_STORED].some((each) => `${path}.`.startsWith(`${each}.`)));
  }

  private one(kind: unknown, isStored: boolean): unknown {
    const number = 1_000_000.5 + this.tokens.length;
    const token = kind === 'number' ? String(number) : `leaf-${this.tokens.length}-`;
    switch (kind) {
      case 'null':
        return null;
      case 'boolean':
        return true;
      default:
        this.tokens.push(isStored ? token : '');
        return kind === 'number'
          ? number
          : kind === 'address'
            ? `https://a.example/${token}`
            : token;
    }
  }
}

describe('every leaf of a message', () => {
  it('is in the event, or in what is kept of it when it is refused', () => {
    fc.assert(
      fc.property(message, ({ call, fields, context, page }) => {
        const values = new Values();
        const given = { ...fields, context: { ...context, page } };
        const whole = {
          ...(values.filled(given, '') as Fields),
          type: call,
          ...(call === 'track' && { event: 'an event' }),
        };
        const sent = JSON.stringify(whole);
        const { fields: event, errors } = mapMessage(whole, undefined, undefined);
        expect(JSON.stringify(whole)).toBe(sent);
        // With it, the other times would be corrected, and be stored otherwise than they were sent.
        event['sent_at'] = undefined;
        const { json, rejected } = prepareEvent(event, {
          receivedAtMs: Date.now(),
          server: undefined,
          userAgent: undefined,
          anonymous: false,
          sanitizer: undefined,
          maxEventBytes: 65_536,
        });
        expect(rejected !== undefined).toBe(errors.length > 0);
        const least = new LeastSize({ parameters: false, visitor: false, fieldRules: undefined });
        expect(resultOf(least.ofEvent(event))).toBeLessThanOrEqual(json?.length ?? Infinity);
        const stored = String(json ?? rejected?.event);
        const sentTokens = values.tokens.filter((token) => token !== '' && sent.includes(token));
        expect(sentTokens.filter((token) => !stored.includes(token))).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });
});
