import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FieldRules } from './field-rules.js';
import type { Fields } from './fields.js';
import { parseJson } from './parse-json.js';

const SECRET = 'a secret of hashes';

function rules(dropped: readonly string[], hashed: readonly string[] = []): FieldRules {
  const split = (paths: readonly string[]) => paths.map((path) => path.split('.'));
  return new FieldRules({ dropped: split(dropped), hashed: split(hashed), secret: SECRET });
}

function left(dropped: readonly string[], event: Fields): unknown {
  return JSON.parse(JSON.stringify(rules(dropped).apply(event)));
}

function hashedBy(paths: readonly string[], event: Fields): unknown {
  return JSON.parse(JSON.stringify(rules([], paths).apply(event)));
}

const hash = (text: string): string => createHmac('sha256', SECRET).update(text).digest('hex');

describe('fields to drop', () => {
  it.each<[string, Fields, Fields]>([
    ['props.email', { props: { email: 'a', b: 1 } }, { props: { b: 1 } }],
    ['props.email', { props: { email: 'a' }, url: {} }, { url: {} }],
    [
      'props.email',
      { props: { Email: 'a', x: { email: 'a' } } },
      { props: { Email: 'a', x: { email: 'a' } } },
    ],
    ['props.email', { email: 'a' }, {}],
    ['email', { email: 'a', props: { email: 'b', c: 1 } }, { props: { c: 1 } }],
    ['user.traits.*', { user: { id: 'u', traits: { a: 1, b: { c: 2 } } } }, { user: { id: 'u' } }],
    [
      '*.email',
      { user: { email: 'a', id: 'u' }, x: { email: 'a', b: 1 } },
      { user: { id: 'u' }, x: { b: 1 } },
    ],
    ['session', { session: { visitor_id: 'v' }, type: 't' }, { type: 't' }],
    ['props', { props: { a: 1 }, unknown: 2, type: 't' }, { type: 't' }],
    [
      'props.*.name',
      { props: { a: { name: 1, b: 2 }, name: 3 } },
      { props: { a: { b: 2 }, name: 3 } },
    ],
    [
      'props.items.sku',
      { props: { items: [{ sku: 1, n: 2 }, { sku: 3 }, 4] } },
      { props: { items: [{ n: 2 }, {}, 4] } },
    ],
    ['props.items.*', { props: { items: [{ sku: 1 }, 4, null] } }, { props: { items: [{}] } }],
    ['props.list', { props: { list: [1, 2], a: null } }, { props: { a: null } }],
    ['url.utm.id', { url: { utm: { id: 'x' }, referrer: 'r' } }, { url: { referrer: 'r' } }],
    ['server.ip', { server: { ip: '192.0.2.0', source: 's' } }, { server: { source: 's' } }],
    [
      'props.__proto__',
      parseJson('{"props":{"__proto__":"x","a":1}}') as Fields,
      { props: { a: 1 } },
    ],
    [
      'props.url',
      { url: { referrer: 'r' }, props: { url: 'u', a: 1 } },
      { url: { referrer: 'r' }, props: { a: 1 } },
    ],
  ])('leaves out %s: %j', (path, event, expected) => {
    expect(left([path], event)).toEqual(expected);
  });

  it('are found by the name that they came with, and by the one under which they are stored', () => {
    const event = { type: 't', props: { email: 'own', _email: 'moved', b: 1 } };
    const renamed = new Map([['_email', 'email']]);
    expect(rules(['email']).apply(event, renamed)).toEqual({ type: 't', props: { b: 1 } });
    expect(rules(['props._email']).apply(event, renamed)).toEqual({
      type: 't',
      props: { email: 'own', b: 1 },
    });
  });

  it('are nowhere in what is left, and nothing else is missing', () => {
    const name = fc.constantFrom('a', 'b', 'email', '__proto__');
    const { event } = fc.letrec<{ event: Fields; value: unknown }>((tie) => ({
      event: fc.dictionary(name, tie('value'), { maxKeys: 4 }),
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(1, 'x', null),
        fc.array(tie('event'), { maxLength: 3 }),
        tie('event'),
      ),
    }));
    const without = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(without)
        : typeof value === 'object' && value !== null
          ? Object.entries(value)
              .filter(([key]) => key !== 'email')
              .map(([key, member]) => [key, without(member)])
          : value;
    fc.assert(
      fc.property(event, (props) => {
        const before = JSON.stringify(props);
        const paths = Array.from({ length: 6 }, (_, depth) =>
          ['props', ...Array<string>(depth).fill('*'), 'email'].join('.'),
        );
        // A member beside what is dropped keeps every object from being left out as empty.
        const kept = JSON.stringify(marked(props));
        const result = rules(paths).apply({ props: JSON.parse(kept) as Fields });
        expect(JSON.stringify(without(result['props']))).toBe(
          JSON.stringify(without(JSON.parse(kept))),
        );
        expect(JSON.stringify(result)).not.toContain('"email":');
        expect(JSON.stringify(props)).toBe(before);
      }),
    );
  });
});

function marked(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(marked);
  }
  return typeof value === 'object' && value !== null
    ? Object.fromEntries([
        ['mark', 1],
        ...Object.entries(value).map(([key, member]) => [key, marked(member)]),
      ])
    : value;
}

describe('fields to hash', () => {
  it.each<[string, Fields, Fields]>([
    ['user.id', { user: { id: 'u-1' } }, { user: { id: hash('u-1') } }],
    ['props.n', { props: { n: 42, b: null } }, { props: { n: hash('42'), b: null } }],
    [
      'props.n',
      parseJson('{"props":{"n":12345678901234567890}}') as Fields,
      { props: { n: hash('12345678901234567890') } },
    ],
    [
      'props.list',
      { props: { list: ['a', true, { b: 'c' }] } },
      { props: { list: [hash('a'), hash('true'), { b: hash('c') }] } },
    ],
    [
      'user.traits',
      { user: { traits: { email: 'e', address: { city: 'c' } } } },
      { user: { traits: { email: hash('e'), address: { city: hash('c') } } } },
    ],
    [
      'email',
      { email: 'e', props: { email: 'f' } },
      { email: hash('e'), props: { email: hash('f') } },
    ],
    [
      'session.visitor_id',
      { session: { visitor_id: undefined, session_id: 's' } },
      { session: { session_id: 's' } },
    ],
  ])('become an HMAC in hex: %s of %j', (path, event, expected) => {
    expect(hashedBy([path], event)).toEqual(expected);
  });

  it('are hashed once, however many paths name them', () => {
    const paths = ['email', 'props.email', 'props.*', '*.email', 'props._email'];
    const event = { props: { email: 'own', _email: 'moved' } };
    expect(rules([], paths).apply(event, new Map([['_email', 'email']]))).toEqual({
      props: { email: hash('own'), _email: hash('moved') },
    });
  });

  it('are dropped when both are asked for', () => {
    const both = rules(['user.traits.email'], ['user.traits', 'user.id']);
    expect(both.apply({ user: { id: 'u', traits: { email: 'e', a: 'x' } } })).toEqual({
      user: { id: hash('u'), traits: { a: hash('x') } },
    });
  });

  it('are left out beyond a thousand values of one event', () => {
    const list = Array.from({ length: 5000 }, (_, index) => index);
    const { props } = rules([], ['props.list']).apply({ props: { list } });
    expect((props as { list: string[] }).list).toEqual(
      list.slice(0, 1000).map((value) => hash(String(value))),
    );
  });

  it('let others have their turn, however long the lists are and however deep they lie', () => {
    const hashing = rules(['props.*.none'], ['props']);
    const long = Array.from({ length: 50_000 }, (_, index) => index);
    for (const props of [{ long }, { deep: [[{ long }]] }, { objects: long.map(() => ({})) }]) {
      expect([...hashing.applyInPieces({ props })].length).toBeGreaterThan(10);
    }
    const short = { text: 'a', list: long.slice(0, 16) };
    expect([...hashing.applyInPieces({ props: short })]).toEqual([]);
  });

  it('are not hashed again after the marks of the same rules, and are after those of others', () => {
    const same = rules(['props.b'], ['user.id']);
    const other = rules([], ['user.id', 'user.group_id']);
    const event = { user: { id: 'x' }, props: { b: 1 } };
    expect(same.afterMarks({ ...same.marks }).apply(event)).toEqual({ user: { id: 'x' } });
    expect(same.afterMarks({ ...same.marks }).marks).toEqual(same.marks);
    for (const marks of [{}, { ...other.marks }]) {
      expect(same.afterMarks(marks).apply(event)).toEqual({ user: { id: hash('x') } });
    }
  });
});
