import { describe, expect, it } from 'vitest';
import type { Fields } from '../../event/fields.js';
import { EventSchema } from './event-schema.js';

function compile(schema: unknown): EventSchema {
  return EventSchema.compile(Buffer.from(JSON.stringify(schema)));
}

/** A schema for `props`. */
function ofProps(schema: object): object {
  return { properties: { props: schema } };
}

function errorsOf(schema: unknown, event: unknown): readonly string[] {
  return compile(schema).errorsOf(JSON.parse(JSON.stringify(event)) as Fields);
}

const text = { type: 'string' };

describe('EventSchema', () => {
  it('tells what is wrong with an event by what the schema declares', () => {
    const schema = ofProps({
      required: ['plan'],
      properties: {
        plan: { enum: ['free', 'pro'] },
        seats: { type: 'integer' },
        tags: { items: text },
      },
      additionalProperties: false,
    });
    expect(errorsOf(schema, { props: { plan: 'pro', seats: 2, tags: ['a'] } })).toEqual([]);
    expect(errorsOf(schema, {})).toEqual([]);
    expect(errorsOf(schema, { props: { seats: 1 } })).toEqual([
      "props: must have required property 'plan'",
    ]);
    expect(errorsOf(schema, { props: { plan: 'x' } })).toEqual([
      'props.plan: must be equal to one of the allowed values',
    ]);
    expect(errorsOf(schema, { props: { plan: 'pro', seats: 1.5 } })).toEqual([
      'props.seats: must be an integer',
    ]);
    expect(errorsOf(schema, { props: { plan: 'pro', tags: ['a', 7] } })).toEqual([
      'props.tags.*: must be a string',
    ]);
    expect(errorsOf(schema, { props: { plan: 'pro', secret: 7 } })).toEqual([
      'props: must NOT have additional properties',
    ]);
  });

  it('tells nothing that an event holds', () => {
    const schema = ofProps({
      propertyNames: { maxLength: 30 },
      patternProperties: { '^n': { type: 'number' } },
      additionalProperties: { anyOf: [{ type: 'boolean' }, { pattern: '^[a-z]{3}$' }] },
    });
    const told = [
      { name_of_a_client: 'value' },
      { 'a/name~of': 'SECRET' },
      { ['long'.repeat(10)]: true },
      { 1: { deep: 'SECRET' } },
    ].flatMap((props) => errorsOf(schema, { props }));
    expect(told).toEqual([
      'props.*: must be a finite number',
      'props.*: must be true or false',
      'props.*: must match pattern "^[a-z]{3}$"',
      'props.*: must match a schema in anyOf',
      'props: must NOT have more than 30 characters',
      'props: property name must be valid',
    ]);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'takes %s for a name like any other',
    (name) => {
      const event = (props: string): Fields => JSON.parse(`{"props":${props}}`) as Fields;
      const required = compile(ofProps({ required: [name] }));
      expect(required.errorsOf(event('{}'))).toHaveLength(1);
      expect(required.errorsOf(event(`{"${name}":1}`))).toEqual([]);
      const closed = compile(ofProps({ additionalProperties: false }));
      expect(closed.errorsOf(event('{}'))).toEqual([]);
      expect(closed.errorsOf(event(`{"${name}":1}`))).toHaveLength(1);
      if (name !== '__proto__') {
        const declared = compile(ofProps({ properties: { [name]: text } }));
        expect(declared.errorsOf(event('{}'))).toEqual([]);
        expect(declared.errorsOf(event(`{"${name}":1}`))).toEqual([
          `props.${name}: must be a string`,
        ]);
      }
    },
  );

  it.each([
    ['http://json-schema.org/draft-07/schema#', { items: [text], additionalItems: false }],
    ['http://json-schema.org/draft-06/schema#', { items: [text], additionalItems: false }],
    ['https://json-schema.org/draft/2019-09/schema', { items: [text], unevaluatedItems: false }],
    ['https://json-schema.org/draft/2020-12/schema', { prefixItems: [text], items: false }],
    [undefined, { prefixItems: [text], items: false }],
  ])('understands the draft %s', ($schema, list) => {
    const schema = { $schema, ...ofProps({ properties: { list } }) };
    expect(errorsOf(schema, { props: { list: ['a'] } })).toEqual([]);
    expect(errorsOf(schema, { props: { list: [1] } })).toEqual(['props.list.*: must be a string']);
    expect(errorsOf(schema, { props: { list: ['a', 1] } })).toHaveLength(1);
  });

  it('follows a reference to the whole', () => {
    const schema = { properties: { props: { $ref: '#' }, n: { type: 'number' } } };
    expect(errorsOf(schema, { props: { props: { n: 1 } } })).toEqual([]);
    expect(errorsOf(schema, { props: { props: { n: '1' } } })).toHaveLength(1);
  });

  it('follows references inside the file', () => {
    const schema = {
      $id: 'https://shop.example/signup.json',
      $defs: {
        'a/b': {
          type: 'object',
          properties: { child: { $ref: '#/$defs/a~1b' }, n: { type: 'number' } },
        },
      },
      ...ofProps({ $ref: '#/$defs/a~1b' }),
    };
    expect(errorsOf(schema, { props: { child: { child: { n: 1 } } } })).toEqual([]);
    expect(errorsOf(schema, { props: { child: { child: { n: 'x' } } } })).toEqual([
      'props.child.child.n: must be a finite number',
    ]);
  });

  it.each([
    ['date-time', '2026-11-23T10:00:00Z', '2026-11-23'],
    ['date', '2024-02-29', '2023-02-29'],
    ['email', 'a@b.example', 'a@b@c'],
    ['ipv4', '192.0.2.1', '192.0.2.256'],
    ['ipv6', '2001:db8::1', '192.0.2.1'],
    ['uri', 'https://a.example/b?c=d#e', '/b?c'],
    ['uuid', '123e4567-e89b-12d3-a456-426614174000', '123e4567'],
  ])('checks the format %s', (format, good, bad) => {
    const schema = ofProps({ properties: { it: { format } } });
    expect(errorsOf(schema, { props: { it: good } })).toEqual([]);
    expect(errorsOf(schema, { props: { it: bad } })).toEqual([
      `props.it: must match format "${format}"`,
    ]);
  });

  it.each(['toString', 'valueOf', 'constructor', 'length', '__proto__'])(
    'compares values that have a member %s',
    (name) => {
      const value = JSON.parse(`{"${name}":1}`) as unknown;
      const equal = { const: value };
      const listed = { enum: [{}, value, []] };
      for (const keyword of [equal, listed]) {
        const schema = compile(ofProps({ properties: { it: keyword } }));
        expect(schema.errorsOf({ props: { it: value } })).toEqual([]);
        expect(schema.errorsOf({ props: { it: JSON.parse(`{"${name}":2}`) } })).toHaveLength(1);
        expect(schema.errorsOf({ props: { it: `{"${name}":1}` } })).toHaveLength(1);
      }
    },
  );

  it.each([
    [[1, 1], false],
    [[1, '1'], true],
    [
      [
        { a: 1, b: [2] },
        { b: [2], a: 1 },
      ],
      false,
    ],
    [[{ a: 1 }, { a: 2 }], true],
    [[null, false, 0, '', [], {}], true],
    [['a', 'b', 'a'], false],
  ])('knows whether %j has an item twice', (list, isUnique) => {
    const errors = errorsOf(ofProps({ properties: { list: { uniqueItems: true } } }), {
      props: { list },
    });
    expect(errors).toEqual(isUnique ? [] : ['props.list: must not have an item twice']);
  });
});

describe('a schema that cannot be used', () => {
  it.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /^is no JSON: /],
    ['no object', 'true', /^is no JSON Schema: it must be an object/],
    ['another encoding', Buffer.from('{}', 'utf16le'), /^is not in UTF-8/],
    [
      'another draft',
      { $schema: 'http://json-schema.org/draft-04/schema#' },
      /\$schema that is not supported/,
    ],
    ['a wrong type', { type: 'text' }, /^is no JSON Schema of its draft: #\/type must be equal/],
    ['a misspelt keyword', { requierd: ['a'] }, /unknown keyword: "requierd"/],
    ['a format that is not checked', { format: 'phone' }, /unknown format "phone"/],
    [
      'a remote reference',
      { properties: { a: { $ref: 'https://x.example/a.json' } } },
      /^has a remote reference at #\/properties\/a\/\$ref: nothing is fetched/,
    ],
    [
      'a reference to a file',
      { $ref: 'other.json#/$defs/a' },
      /^has a remote reference at #\/\$ref/,
    ],
    [
      'a reference to the draft',
      { $ref: 'http://json-schema.org/draft-07/schema#' },
      /^has a remote reference/,
    ],
    [
      'a dynamic remote reference',
      { $dynamicRef: 'https://x.example/#a' },
      /^has a remote reference/,
    ],
    [
      'a reference to nothing',
      { $ref: '#/$defs/a' },
      /^refers to #\/\$defs\/a, where it has no schema/,
    ],
    [
      'a reference to what is no schema',
      { default: { not: {} }, $ref: '#/default' },
      /^refers to #\/default, where/,
    ],
    [
      'a reference that is not well encoded',
      { $ref: '#/%' },
      /^refers to #\/%, where it has no schema/,
    ],
    ['a reference to an anchor that is not there', { $ref: '#a' }, /^cannot be used: /],
    [
      'a schema inside it',
      { $defs: { a: { $id: 'https://x.example/' } } },
      /^has a schema of its own/,
    ],
    ['a reference to itself', { $ref: '#' }, /^refers to itself without an end/],
    [
      'a round of references',
      { $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' },
      /^refers to itself without an end/,
    ],
    ['what is asynchronous', { $async: true }, /^has \$async/],
    [
      'the property __proto__',
      '{"properties":{"__proto__":{}}}',
      /^names the property __proto__ at #/,
    ],
    ['look-ahead', { pattern: '(?=a)b' }, /^has a pattern that cannot be used, "\(\?=a\)b": /],
    ['a back reference', { pattern: '(a)\\1' }, /^has a pattern that cannot be used/],
    ['a reference to a named group', { pattern: '(?<a>b)\\k<a>' }, /has a reference to a group/],
    [
      'a pattern that is none',
      { patternProperties: { '(': {} } },
      /^has a pattern that cannot be used/,
    ],
    [
      'a huge pattern',
      { pattern: '(?:a{50}){20}(?:b{50}){20}(?:c{50}){20}(?:d{50}){20}(?:e{50}){20}' },
      /instructions, more than 4000/,
    ],
    ['a deep schema', `${'{"not":'.repeat(20_000)}{}${'}'.repeat(20_000)}`, /^cannot be used: /],
    ['a large schema', Buffer.alloc(1024 * 1024 + 1, ' '), /^is larger than 1048576 bytes/],
  ])('is one with %s', (_, schema, reason) => {
    const bytes = Buffer.isBuffer(schema)
      ? schema
      : Buffer.from(typeof schema === 'string' ? schema : JSON.stringify(schema));
    expect(() => EventSchema.compile(bytes)).toThrow(reason);
  });

  it('is not one with annotations of other programs', () => {
    const schema = {
      'x-owner': 'growth',
      title: 't',
      description: 'd',
      examples: [{}],
      $comment: 'c',
    };
    expect(errorsOf(schema, {})).toEqual([]);
  });
});

describe('what checking an event may take', () => {
  const TOO_MUCH = ['event: takes more work to check against its schema than an event may'];
  const nested = (depth: number): unknown => (depth === 0 ? {} : { child: nested(depth - 1) });
  const list = (length: number, item: (index: number) => unknown): object => ({
    props: { list: Array.from({ length }, (_, index) => item(index)) },
  });
  const ofList = (schema: object): object => ofProps({ properties: { list: schema } });
  const tree = (keyword: 'anyOf' | 'oneOf'): object => ({
    $defs: {
      node: {
        [keyword]: ['a', 'b'].map((name) => ({
          allOf: [{ properties: { child: { $ref: '#/$defs/node' } } }, { required: [name] }],
        })),
      },
    },
    ...ofProps({ $ref: '#/$defs/node' }),
  });

  it.each<[string, object, object]>([
    ['alternatives that fail at each level', tree('anyOf'), { props: nested(28) }],
    ['alternatives that are all tried', tree('oneOf'), { props: nested(28) }],
    [
      'references that multiply',
      {
        $defs: Object.fromEntries(
          Array.from({ length: 40 }, (_, index) => [
            `d${index}`,
            { allOf: [{ $ref: `#/$defs/d${index + 1}` }, { $ref: `#/$defs/d${index + 1}` }] },
          ]).concat([['d40', {}]] as never),
        ),
        properties: { type: { $ref: '#/$defs/d0' } },
      },
      { type: 'a' },
    ],
    [
      'a pattern of many ways and a long text',
      ofProps({ additionalProperties: { pattern: '^(?:(?:a{0,20}){0,20})*!$' } }),
      { props: { it: 'a'.repeat(60_000) } },
    ],
    [
      'a simple pattern and very many texts',
      ofList({ items: { pattern: '^(a|aa)+$' } }),
      list(15_000, () => 'aaa'),
    ],
    [
      'a list of alternatives',
      ofList({ items: { anyOf: [{ type: 'number' }, { type: 'boolean' }, { maxLength: 1 }] } }),
      list(20_000, () => 'a'),
    ],
    [
      'unique items that are large',
      ofList({ uniqueItems: true }),
      list(20_000, (index) => [index]),
    ],
    [
      'a long enum and many values',
      ofList({ items: { enum: Array.from({ length: 5000 }, (_, index) => `value ${index}`) } }),
      list(10_000, () => 'value 4999'),
    ],
    [
      'unevaluated names',
      ofList({
        items: {
          unevaluatedProperties: false,
          allOf: Array.from({ length: 300 }, () => ({ properties: { a: {} } })),
        },
      }),
      list(1000, () => ({ a: 1 })),
    ],
  ])('is bounded for %s', (_, schema, event) => {
    expect(errorsOf(schema, event)).toEqual(TOO_MUCH);
  });

  it('is enough for what events hold', () => {
    const patterns = ofProps({
      additionalProperties: {
        pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
      },
    });
    const ids = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [
        `n${index}`,
        '123e4567-e89b-12d3-a456-426614174000',
      ]),
    );
    expect(errorsOf(patterns, { props: ids })).toEqual([]);
    const url = '^https?://([a-z0-9-]+\\.)+[a-z]{2,63}(/.*)?$';
    expect(
      errorsOf(ofProps({ additionalProperties: { pattern: url } }), {
        props: { it: `https://a.example/${'x'.repeat(500)}` },
      }),
    ).toEqual([]);
    const numbers = ofList({ items: { type: 'number' }, maxItems: 40_000 });
    expect(
      errorsOf(
        numbers,
        list(30_000, () => 1),
      ),
    ).toEqual([]);
    const texts = ofProps({
      additionalProperties: { type: 'string', maxLength: 65_536, pattern: '^[ -~]*$' },
    });
    expect(errorsOf(texts, { props: { it: 'x'.repeat(12_000) } })).toEqual([]);
  });

  it('begins again for each event', () => {
    const schema = compile(ofList({ items: { type: 'number' } }));
    for (let count = 0; count < 20; count += 1) {
      expect(schema.errorsOf(list(30_000, () => 1) as Fields)).toEqual([]);
    }
    expect(schema.work).toBeGreaterThan(30_000);
  });
});
