import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FieldRules } from '../../event/field-rules.js';
import type { Fields } from '../../event/fields.js';
import { parseJson } from '../../event/parse-json.js';
import { prepareEvent } from '../../event/prepare-event.js';
import { createSanitizer } from '../../event/sanitize.js';
import { plainEvent } from './plain-event.js';
import { TooMuchWorkError, WorkMeter } from './work-meter.js';

const RULES = new FieldRules({
  dropped: [
    ['props', 'a'],
    ['user', 'traits', '*'],
    ['device', 'ua'],
  ],
  hashed: [
    ['session', 'visitor_id'],
    ['props', 'list'],
  ],
  secret: 'S',
});

/** What the schema is asked about, and what is stored. */
function judgedAndStored(json: string, withRules: boolean): { judged: unknown; stored: unknown }[] {
  const found: { judged: unknown; stored: unknown }[] = [];
  let judged: unknown;
  const prepared = prepareEvent(parseJson(json), {
    receivedAtMs: Date.now(),
    server: { ip: '192.0.2.0' },
    userAgent: 'agent/1',
    anonymous: false,
    sanitizer: withRules ? createSanitizer(['token']) : undefined,
    fieldRules: withRules ? RULES : undefined,
    maxEventBytes: 64 * 1024,
    violationOf: (event) => {
      const meter = new WorkMeter();
      meter.start();
      judged = plainEvent(event, meter);
      return undefined;
    },
  });
  if (prepared.json !== undefined) {
    const { server: _server, ...stored } = JSON.parse(prepared.json.toString()) as Fields;
    found.push({ judged, stored });
  }
  return found;
}

/** As JSON, with what JSON leaves out. */
function shown(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    member === undefined || (typeof member === 'number' && !Number.isFinite(member))
      ? `<${member}>`
      : member,
  );
}

const text = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '@', ':', '/', '?', '\0', '\u{D800}', 'ü') }),
  fc.constantFrom('https://u:p@a.example/?utm_source=s&token=t', '?utm_medium=m', ''),
);
const free = fc.jsonValue({ maxDepth: 3 });
const group = (...names: string[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.constant(null),
    fc.record(Object.fromEntries(names.map((name) => [name, fc.oneof(text, fc.constant(null))])), {
      requiredKeys: [],
      noNullPrototype: true,
    }),
  );
const event = fc.record(
  {
    event_id: text,
    ts: fc.oneof(text, fc.double()),
    type: text,
    url: fc.oneof(group('raw_query', 'referrer'), fc.record({ utm: group('source', 'medium') })),
    route: group('path', 'title', 'canonical_url'),
    device: fc.oneof(
      group('ua', 'os'),
      fc.record({ screens: fc.array(fc.constant({ width: null })) }),
    ),
    session: group('visitor_id', 'session_id'),
    user: fc.oneof(group('id'), fc.record({ traits: free })),
    props: fc.dictionary(fc.constantFrom('a', 'list', '__proto__', 'constructor'), free, {
      noNullPrototype: true,
    }),
    unknown: free,
    big: fc.constant('BIG'),
  },
  { requiredKeys: [], noNullPrototype: true },
);

describe('plainEvent', () => {
  it('is what is stored, without server', () => {
    let compared = 0;
    fc.assert(
      fc.property(event, fc.boolean(), (sent, withRules) => {
        const json = JSON.stringify(sent).replace('"BIG"', '[12345678901234567890, 1e399]');
        for (const { judged, stored } of judgedAndStored(json, withRules)) {
          compared += 1;
          expect(shown(judged)).toBe(shown(stored));
        }
      }),
      { numRuns: 1000 },
    );
    expect(compared).toBeGreaterThan(500);
  });

  it('copies nothing but the outermost level of most events', () => {
    const meter = new WorkMeter();
    meter.start();
    const props = { list: [{ a: 1 }], text: 'x' };
    expect(plainEvent({ type: 'a', props, server: {} }, meter)['props']).toBe(props);
    expect(meter.spent).toBeGreaterThan(5);
  });

  it('counts its work', () => {
    const meter = new WorkMeter();
    meter.start();
    const list = Array.from({ length: 200_000 }, () => 1);
    expect(() => plainEvent({ props: { list } }, meter)).toThrow(TooMuchWorkError);
  });
});
