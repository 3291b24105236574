import { Literal } from './literal.js';

/** An object as `JSON.parse` makes it: members of any name, no methods. */
export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Literal)
  );
}

/** The object, or undefined when it has no members. */
export function unlessEmpty<T extends object>(fields: T | undefined): T | undefined {
  for (const _ in fields) {
    return fields;
  }
  return undefined;
}

/**
 * Sets a member whose name a client chose: `__proto__` becomes one too. (Objects without a prototype
 * would do as well, but V8 keeps them as hash tables, which take longer to write as JSON.)
 */
export function setField(fields: Fields, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(fields, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  } else {
    fields[name] = value;
  }
}
