import { Ajv as Draft07 } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/event/fields.js';
import { EventSchema } from '../../src/ingestion/schemas/event-schema.js';
import { linearPattern } from '../../src/ingestion/schemas/linear-pattern.js';
import { WorkMeter } from '../../src/ingestion/schemas/work-meter.js';

/** Ajv alone fails for some names of the prototype: those are in the spec of the class. */
const NAMES = ['a', 'b', 'constructor', 'hasOwnProperty', 'x/y~z'];
const name = fc.constantFrom(...NAMES);
const text = fc.constantFrom('', 'a', 'ab', 'b1', 'ü', '😀', 'value', '2026-11-23');

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, false, 0, 1, 1.5, -3, 1e300),
    text,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

const TYPES = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'];

/** Keywords that all drafts have; those of lists are the drafts' own. */
function schemas(lists: (schema: fc.Arbitrary<unknown>) => Record<string, fc.Arbitrary<unknown>>) {
  return fc.letrec<{ schema: unknown }>((tie) => {
    const schema = tie('schema');
    const some = fc.array(schema, { minLength: 1, maxLength: 3 });
    const map = fc.dictionary(name, schema, { maxKeys: 3, noNullPrototype: true });
    const few = fc.nat(3);
    return {
      schema: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.boolean(),
        fc.record({ type: fc.constantFrom(...TYPES) }),
        fc.record({ $ref: fc.constantFrom('#/$defs/one', '#/$defs/two') }),
        fc.record(
          {
            type: fc.oneof(
              fc.constantFrom(...TYPES),
              fc.uniqueArray(fc.constantFrom(...TYPES), { minLength: 1 }),
            ),
            enum: fc.array(value, { minLength: 1, maxLength: 3 }),
            const: value,
            minimum: few,
            maximum: few,
            multipleOf: fc.constantFrom(0.5, 1, 2),
            minLength: few,
            maxLength: few,
            pattern: fc.constantFrom('^a', 'b$', '^[a-z]+$', '\\d', '^\\p{L}*$'),
            minItems: few,
            maxItems: few,
            uniqueItems: fc.boolean(),
            contains: schema,
            ...lists(schema),
            minProperties: few,
            maxProperties: few,
            required: fc.uniqueArray(name, { maxLength: 2 }),
            properties: map,
            patternProperties: fc.dictionary(fc.constantFrom('^a', 'o', '/'), schema, {
              maxKeys: 2,
              noNullPrototype: true,
            }),
            additionalProperties: schema,
            propertyNames: schema,
            allOf: some,
            anyOf: some,
            oneOf: some,
            not: schema,
          },
          { requiredKeys: [], noNullPrototype: true },
        ),
        fc.record(Object.fromEntries(['if', 'then', 'else'].map((keyword) => [keyword, schema]))),
      ),
    };
  }).schema;
}

/** @returns undefined for what refers to itself without an end: Ajv does not notice it */
function verdict(check: () => boolean): boolean | undefined {
  try {
    return check();
  } catch (error) {
    if (error instanceof RangeError) {
      return undefined;
    }
    throw error;
  }
}

const options = { strict: false, ownProperties: true, logger: false } as const;

describe.each([
  [
    'https://json-schema.org/draft/2020-12/schema',
    new Ajv2020(options),
    schemas((schema) => ({
      prefixItems: fc.array(schema, { minLength: 1, maxLength: 2 }),
      items: schema,
      unevaluatedProperties: schema,
      unevaluatedItems: schema,
      dependentRequired: fc.dictionary(name, fc.uniqueArray(name, { maxLength: 2 }), {
        maxKeys: 2,
        noNullPrototype: true,
      }),
      dependentSchemas: fc.dictionary(name, schema, { maxKeys: 2, noNullPrototype: true }),
    })),
  ],
  [
    'http://json-schema.org/draft-07/schema#',
    new Draft07(options),
    schemas((schema) => ({
      items: fc.oneof(schema, fc.array(schema, { minLength: 1, maxLength: 2 })),
      dependencies: fc.dictionary(name, fc.oneof(schema, fc.uniqueArray(name, { maxLength: 2 })), {
        maxKeys: 2,
        noNullPrototype: true,
      }),
    })),
  ],
])('a schema of %s', ($schema, ajv, schema) => {
  it('judges values as Ajv alone does', () => {
    let compared = 0;
    fc.assert(
      fc.property(schema, schema, schema, value, (one, two, props, found) => {
        const whole = { $defs: { one, two }, properties: { props } };
        let ours: EventSchema;
        try {
          ours = EventSchema.compile(Buffer.from(JSON.stringify({ $schema, ...whole })));
        } catch {
          // Ajv is stricter with keywords that have no effect.
          return;
        }
        const event = { props: found } as Fields;
        const expected = verdict(() => ajv.compile(whole)(event));
        ajv.removeSchema(whole);
        const isValid = ours.errorsOf(event).length === 0;
        if (expected !== undefined) {
          compared += 1;
          expect(isValid).toBe(expected);
        }
      }),
      { numRuns: 250 },
    );
    expect(compared).toBeGreaterThan(80);
  });
});

describe('a pattern', () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    '.',
    '[ab]',
    '[^a]',
    '\\d',
    '\\w',
    '\\W',
    'ü',
    '\\p{L}',
    '\\b',
    '\\u0061',
    '\\.',
    '\\-',
  );
  const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
    pattern: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      piece,
      fc.tuple(tie('pattern'), tie('pattern')).map(([first, second]) => first + second),
      fc.tuple(tie('pattern'), tie('pattern')).map(([first, second]) => `(?:${first}|${second})`),
      fc
        .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{0,3}', '*?'))
        .map(([inner, times]) => `(?:${inner})${times}`),
      tie('pattern').map((inner) => `^${inner}$`),
      tie('pattern').map((inner) => `(${inner})`),
    ),
  }));
  const subject = fc.string({
    unit: fc.constantFrom('a', 'b', '1', '.', '-', 'ü', '😀', ' '),
    maxLength: 12,
  });

  it('matches what a regular expression of JavaScript matches', () => {
    fc.assert(
      fc.property(pattern, fc.array(subject, { minLength: 1, maxLength: 5 }), (source, texts) => {
        const plain = source.replaceAll('\\-', '-');
        const expected = texts.map((each) => new RegExp(plain, 'u').test(each));
        const meter = new WorkMeter();
        meter.start();
        const ours = linearPattern(source, meter);
        expect(texts.map((each) => ours.test(each))).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});
