import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventFields } from './event.js';
import { definitions, referredTo, type Schema } from './event-schema.js';
import type { Fields } from './fields.js';
import { prepareEvent } from './prepare-event.js';
import { eventSchemaDocument } from './published-schema.js';

/** Calls with the path of every field that a class names. */
function visitFields(schema: Schema, visit: (path: string[]) => void, within: string[] = []): void {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const path = within.concat(name);
    visit(path);
    const inside = referredTo(field);
    if (inside) {
      visitFields(inside, visit, path);
    }
  }
}

const paths: string[][] = [];
visitFields(definitions[EventFields.name] as Schema, (path) => paths.push(path));
const validate = new Ajv2020().compile(eventSchemaDocument());

function eventWith([name = '', ...inside]: readonly string[], value: unknown): Fields {
  return { [name]: inside.length > 0 ? eventWith(inside, value) : value };
}

const isTaken = (event: Fields): boolean =>
  prepareEvent(event, {
    receivedAtMs: 0,
    server: undefined,
    userAgent: undefined,
    anonymous: false,
    sanitizer: undefined,
    maxEventBytes: 65_536,
  }).rejected === undefined;

const values = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ maxLength: 20 }),
  fc.array(fc.oneof(fc.string(), fc.constant(null), fc.constant({})), { maxLength: 3 }),
  fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 }),
);

describe('the published schema', () => {
  it('describes every field', () => {
    expect(paths.length).toBeGreaterThan(80);
    for (const path of paths) {
      expect({ path, valid: validate(eventWith(path, null)) }).toEqual({ path, valid: true });
      const isTime = path.length === 1 && /^(?:ts|sent_at)$/.test(path[0] ?? '');
      expect({ path, valid: validate(eventWith(path, [[]])) }).toEqual({ path, valid: isTime });
    }
  });

  it('fits what the program takes, and nothing else', () => {
    fc.assert(
      fc.property(fc.constantFrom(...paths), values, (path, value) => {
        const event = eventWith(path, value);
        expect(isTaken(structuredClone(event))).toBe(validate(event));
      }),
      { numRuns: 2000 },
    );
  });
});
