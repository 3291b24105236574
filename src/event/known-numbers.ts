import { eventSchema, referredTo, type Schema } from './event-schema.js';
import { type Fields, isFields } from './fields.js';
import { NumberLiteral } from './number-literal.js';

/** A copy in which the numbers of known fields are doubles, for the schema to judge. */
export function withKnownDoubles(event: Readonly<Fields>): Fields {
  return withDoubles(event, eventSchema) as Fields;
}

function withDoubles(value: unknown, declared: Schema): unknown {
  if (value instanceof NumberLiteral) {
    return Number(value.text);
  }
  const schema = referredTo(declared) ?? declared;
  if (Array.isArray(value) && schema.items !== undefined) {
    const { items } = schema;
    return value.map((element) => withDoubles(element, items));
  }
  if (!isFields(value) || schema.properties === undefined) {
    return value;
  }
  const copy = { ...value };
  for (const [name, member] of Object.entries(schema.properties)) {
    if (copy[name] !== undefined) {
      copy[name] = withDoubles(copy[name], member);
    }
  }
  return copy;
}
