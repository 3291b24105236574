import { EventFields } from './event.js';
import { definitions, referredName, type Schema } from './event-schema.js';

/** As others read it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** JSON Schema 2020-12 of what a client may send, complete in itself. */
export function eventSchemaDocument(): JsonSchema {
  const { [EventFields.name]: event, ...others } = publishedSchemas('#/$defs/');
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'An event of GoTrack',
    ...event,
    $defs: others,
  };
}

/**
 * The classes of event.ts, by name. Where they are checked, nulls have been taken out; for a client, null is a value.
 * @param prefix what stands before the name where one refers to another
 */
export function publishedSchemas(prefix: string): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries(
    Object.entries(definitions).map(([name, { properties = {}, ...rest }]) => [
      name,
      {
        ...rest,
        properties: Object.fromEntries(
          Object.entries(properties).map(([field, schema]) => [field, orNull(schema, prefix)]),
        ),
      },
    ]),
  );
}

function orNull({ description, ...schema }: Schema, prefix: string): JsonSchema {
  const said = description === undefined ? {} : { description };
  if (schema.$ref !== undefined) {
    return { ...said, anyOf: [referring(schema, prefix), { type: 'null' }] };
  }
  if (schema.type === undefined) {
    return { ...said, ...schema };
  }
  const items = schema.items && { items: referring(schema.items, prefix) };
  return { ...said, ...schema, type: [schema.type, 'null'], ...items };
}

function referring(schema: Schema, prefix: string): JsonSchema {
  const name = referredName(schema);
  return name === undefined ? { ...schema } : { $ref: prefix + name };
}
