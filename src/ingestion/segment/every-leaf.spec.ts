import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listOf } from '../../../test/support/work.js';
import type { Fields } from '../../event/fields.js';
import { isFields, setField } from '../../event/fields.js';
import { prepareEvent } from '../../event/prepare-event.js';
import { resultOf } from '../../event/work.js';
import type { ClientEvent } from '../client-event.js';
import { eventsOf } from './events-of-messages.js';
import { LeastEventSize } from './least-event-size.js';
import { mapMessage } from './map-message.js';
import { CALLS, type Call, MAPPING } from './mapping.js';
import { parseMessages } from './parse-messages.js';

const removals = { sanitizers: [], visitor: false, fieldRules: undefined };

/** What is read for the request alone, or must not be stored. */
const NOT_STORED: ReadonlySet<string> = new Set(['writeKey', 'sentAt', 'context.ip']);

const OTHER_NAMES = ['x', '__proto__', 'constructor', 'props', 'server', 'ts', 'name', 'context'];
const name = fc.constantFrom(
  ...OTHER_NAMES,
  ...new Set(MAPPING.flatMap(({ from }) => from.split('.'))),
);
/** Which kind of value a leaf gets; texts and numbers are made so that each can be told from all others. */
const leaf = fc.constantFrom('text', 'number', 'long number', 'address', 'boolean', 'null');
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
    shared: members(value),
  },
  { requiredKeys: ['call', 'fields', 'context', 'page', 'shared'] },
);

function members(of: fc.Arbitrary<unknown>): fc.Arbitrary<Fields> {
  return fc.array(fc.tuple(name, of), { maxLength: 8 }).map((entries) => {
    const fields: Fields = {};
    entries.forEach(([key, member]) => setField(fields, key, member));
    return fields;
  });
}

/** What JSON says with all of its digits, and a double would change, stands in marks until it is text. */
const LONG = /"long-(\d+)-"/g;
const textOf = (body: unknown): string =>
  JSON.stringify(body).replaceAll(LONG, (_, n: string) => `9007199254740993${n.padStart(4, '0')}`);

/** Gives each leaf a value of its own. */
class Values {
  readonly tokens: { readonly token: string; readonly path: string }[] = [];

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
    return this.one(String(given), path);
  }

  private one(kind: string, path: string): unknown {
    const n = this.tokens.length;
    const add = (token: string): string => {
      this.tokens.push({ token, path });
      return token;
    };
    switch (kind) {
      case 'null':
        return null;
      case 'boolean':
        return true;
      case 'number':
        return Number(add(String(1_000_000.5 + n)));
      case 'long number':
        add(`9007199254740993${String(n).padStart(4, '0')}`);
        return `long-${n}-`;
      case 'address':
        return `https://a.example/${add(`leaf-${n}-`)}`;
      default:
        return add(`leaf-${n}-`);
    }
  }
}

const isStored = (path: string): boolean =>
  ![...NOT_STORED].some((each) => `${path}.`.startsWith(`${each}.`));

/** The events of a body, as they are before the server adds what it knows. */
function eventsIn(body: unknown, call: Call | undefined): ClientEvent[] {
  const limits = { maxBatchEvents: 10, maxEventBytes: 65_536 };
  const messages = resultOf(parseMessages(textOf(body), call === undefined, limits));
  // With a time in the message itself, the others would be corrected, and be stored otherwise than they were sent.
  const bounds = { ...limits, maxSharedLength: 1e6, removals, sentAtMs: 0 };
  return listOf(eventsOf(messages, call, bounds)) as ClientEvent[];
}

/** What is stored of an event, or kept when it is refused. */
function outcomeOf({ fields, errors }: ClientEvent): string {
  const { json, rejected } = prepareEvent(fields, {
    receivedAtMs: Date.now(),
    server: undefined,
    userAgent: undefined,
    anonymous: false,
    sanitizer: undefined,
    maxEventBytes: 65_536,
  });
  expect(rejected !== undefined).toBe(errors.length > 0);
  const least = new LeastEventSize(removals);
  resultOf(least.measure(fields));
  expect(least.size).toBeLessThanOrEqual(json?.length ?? Infinity);
  return String(json ?? rejected?.event);
}

describe('every leaf of a message', () => {
  it('is in the event, or in what is kept of it when it is refused', () => {
    fc.assert(
      fc.property(message, ({ call, fields, context, page, shared }) => {
        const values = new Values();
        const own = { ...context, page };
        const whole = {
          ...(values.filled({ ...fields, context: own }, '') as Fields),
          type: call,
          ...(call === 'track' && { event: 'an event' }),
        };
        const under = values.filled(shared, 'shared') as Fields;
        const isCovered = (path: string): boolean =>
          Object.keys(own).some((key) => `${path}.`.startsWith(`shared.${key}.`)) ||
          !isStored(path.replace('shared', 'context'));
        const sent = values.tokens.filter(
          ({ token, path }) =>
            isStored(path) && !path.startsWith('shared.') && textOf(whole).includes(token),
        );
        const sentShared = values.tokens.filter(
          ({ path }) => path.startsWith('shared.') && !isCovered(path),
        );

        const [alone, ...none] = eventsIn(whole, call).map(outcomeOf);
        expect(none).toEqual([]);
        expect(sent.filter(({ token }) => !alone?.includes(token))).toEqual([]);
        const both = eventsIn({ context: under, batch: [whole, whole] }, undefined).map(outcomeOf);
        expect(both).toHaveLength(2);
        for (const stored of both) {
          expect([...sent, ...sentShared].filter(({ token }) => !stored.includes(token))).toEqual(
            [],
          );
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is left in the message, too', () => {
    fc.assert(
      fc.property(message, ({ call, fields, context, page, shared }) => {
        const whole = { ...fields, type: call, context: { ...context, page } };
        const before = JSON.stringify([whole, shared]);
        mapMessage(whole, undefined, shared);
        expect(JSON.stringify([whole, shared])).toBe(before);
      }),
      { numRuns: 500 },
    );
  });
});
