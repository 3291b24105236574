import { Ajv, type ErrorObject } from 'ajv';
import { targetConstructorToSchema } from 'class-validator-jsonschema';
import * as shapes from './event.js';
import { type Fields, isFields } from './fields.js';

/** As much of JSON Schema as the classes need. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** More would help nobody, and a caller could ask for a million. */
const MAX_ERRORS = 10;
const REFERENCE_PREFIX = '#/definitions/';

/** The classes of event.ts, by name. */
export const definitions: Readonly<Record<string, Schema>> = Object.fromEntries(
  Object.values(shapes).map((shape) => [shape.name, targetConstructorToSchema(shape) as Schema]),
);

const validate = new Ajv().compile({
  $ref: `${REFERENCE_PREFIX}${shapes.EventFields.name}`,
  definitions,
});

/** The name of the class that a schema refers to; undefined where it does not refer. */
export function referredName(schema: Schema): string | undefined {
  return schema.$ref?.slice(REFERENCE_PREFIX.length);
}

/** What stands where the schema refers to it; undefined where it does not refer. */
export function referredTo(schema: Schema): Schema | undefined {
  return definitions[referredName(schema) ?? ''];
}

export const eventSchema: Schema = definitions[shapes.EventFields.name] as Schema;

/**
 * What is wrong with the fields of ours in an event: `path: reason`, for people, at most ten, without
 * the values. Empty when it is valid. Nulls count as wrong: take them out first.
 */
export function validationErrors(event: object): string[] {
  const errors: string[] = [];
  const fields = event as Fields;
  if (validate(event)) {
    return errors;
  }
  const rest = knownFields(fields, eventSchema);
  while (errors.length < MAX_ERRORS && !validate(rest)) {
    // One at a time: Ajv stops at the first, and the next is found without the field of that one.
    const error = validate.errors?.[0] as ErrorObject;
    const path = error.instancePath.slice(1).split('/');
    errors.push(`${path.join('.')}: ${reasonOf(error)}`);
    removeField(rest, path);
  }
  return errors;
}

/** For people, without the value. */
export function reasonOf({ keyword, params, message = 'is not valid' }: ErrorObject): string {
  const expected = keyword === 'type' ? String(params['type']) : '';
  return TYPE_REASONS.get(expected) ?? message;
}

const TYPE_REASONS: ReadonlyMap<string, string> = new Map([
  ['array', 'must be an array'],
  ['boolean', 'must be true or false'],
  ['integer', 'must be an integer'],
  ['null', 'must be null'],
  ['number', 'must be a finite number'],
  ['object', 'must be an object'],
  ['string', 'must be a string'],
]);

/** A copy of our groups in it, to take fields out. What else a client sends is not copied: it may be much. */
function knownFields(fields: Readonly<Fields>, schema: Schema): Fields {
  const known: Fields = {};
  for (const [name, declared] of Object.entries(schema.properties ?? {})) {
    const member = fields[name];
    const group = referredTo(declared);
    if (member !== undefined) {
      known[name] = group !== undefined && isFields(member) ? knownFields(member, group) : member;
    }
  }
  return known;
}

/** Nothing is left of an array, because its other elements would move. */
function removeField(fields: Fields, [name, ...inside]: readonly string[]): void {
  const member = fields[name as string];
  if (inside.length > 0 && !Array.isArray(member)) {
    removeField(member as Fields, inside);
  } else {
    fields[name as string] = undefined;
  }
}
