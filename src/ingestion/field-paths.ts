import type { Fault } from '../config/configuration-error.js';
import { list } from '../config/parsers.js';
import { InvalidValueError, type Parser } from '../config/setting.js';
import { eventSchema, referredTo, type Schema } from '../event/event-schema.js';
import { ANY, type FieldPath } from '../event/field-rules.js';
import { REQUIRED_FIELDS } from '../event/known-fields.js';

/** A comma list of paths such as `props.email`. */
export const fieldPaths: Parser<readonly string[]> = (value) => {
  const paths = list(value);
  if (paths.some((path) => namesOf(path).some((name) => name === '' || /\s/.test(name)))) {
    throw new InvalidValueError(
      'must be a comma list of paths such as props.email, with * for one level',
    );
  }
  return paths;
};

export function namesOf(path: string): FieldPath {
  return path.split('.');
}

/** Paths that name what no event may be without. */
export function dropFaults(variable: string, paths: readonly string[]): Fault[] {
  return REQUIRED_FIELDS.filter((field) => paths.some((path) => covers(path, field))).map(
    (field) => ({ name: variable, reason: `names ${field}, which must stay as it is` }),
  );
}

/** These, too, and paths to what is stored as a number or as true or false: a hash is text. */
export function hashFaults(variable: string, paths: readonly string[]): Fault[] {
  const others = paths.flatMap((path) => withoutText(eventSchema, namesOf(path)));
  return [
    ...dropFaults(variable, paths),
    ...[...new Set(others)].map((field) => ({
      name: variable,
      reason: `names ${field}, which is not a text`,
    })),
  ];
}

function covers(path: string, field: string): boolean {
  return path === field || path === ANY;
}

/** The declared fields under a path whose values are no texts. */
function withoutText(declared: Schema, path: FieldPath, at: readonly string[] = []): string[] {
  const schema = declared.items ?? referredTo(declared) ?? declared;
  if (schema !== declared) {
    return withoutText(schema, path, at);
  }
  if (schema.properties === undefined) {
    const isOther = schema.type === 'number' || schema.type === 'boolean';
    return path.length === 0 && isOther ? [at.join('.')] : [];
  }
  const [name = ANY, ...rest] = path;
  return Object.entries(schema.properties)
    .filter(([member]) => name === ANY || name === member)
    .flatMap(([member, inside]) => withoutText(inside, rest, [...at, member]));
}
