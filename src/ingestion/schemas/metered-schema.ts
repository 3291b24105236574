import { type Fields, isFields, setField } from '../../event/fields.js';
import { UnusableSchemaError } from './unusable-schema-error.js';

/** The keyword that is added to each subschema. */
export const WORK = 'gotrack:work';

/** What a visit of a value by a subschema takes. */
export interface VisitWork {
  readonly units: number;
  /** The names of an object, or the characters of a text, are looked at, too. */
  readonly looksInside: boolean;
}

/** A schema as Ajv gets it. */
export interface MeteredSchema {
  readonly schema: Fields;
  /** Every name that it declares: only these may be told in errors, for others are a client's. */
  readonly names: ReadonlySet<string>;
}

/** Where the members are schemas, by name. */
const MAPS = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  'dependencies',
  '$defs',
  'definitions',
]);
const SUBSCHEMAS = new Set([
  'additionalItems',
  'additionalProperties',
  'contains',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
]);
const LISTS = new Set(['allOf', 'anyOf', 'items', 'oneOf', 'prefixItems']);

/** A failed visit makes an error, and is no failure of the whole below these: there may be many. */
const ALTERNATIVES = new Set(['anyOf', 'oneOf', 'not', 'if', 'contains', '$defs', 'definitions']);
const UNITS = 1;
const UNITS_OF_ALTERNATIVE = 12;
/** Characters of a subschema's own keywords, such as a long `enum`, that are looked at in the time of a unit. */
const CHARACTERS_PER_UNIT = 32;

const INSIDE = new Set([
  'additionalProperties',
  'maxLength',
  'maxProperties',
  'minLength',
  'minProperties',
  'patternProperties',
  'propertyNames',
]);

const REFERENCES = new Set(['$ref', '$dynamicRef', '$recursiveRef']);

/** For people: nothing is checked by them. */
const ANNOTATIONS = new Set(['$comment', 'default', 'description', 'examples', 'title']);

/** Has no meaning here, or its own rules: what Ajv would do with it is not what an operator expects. */
const REFUSED = new Map([
  ['$async', 'a check cannot wait'],
  ['id', 'it is $id since draft-06'],
]);

/**
 * A copy for Ajv, in which each visit of a value is counted. Annotations of other programs (`x-…`) are left out.
 * @throws UnusableSchemaError it refers to another file, or has what cannot be checked
 */
export function meteredSchema(schema: Fields): MeteredSchema {
  const names = new Set<string>();
  const visitor = new SchemaVisitor(names, JSON.stringify(schema).includes('"unevaluated'));
  const { $schema: _, $id: __, ...copy } = visitor.subschema(schema, '#', UNITS) as Fields;
  visitor.assertReferences();
  return { schema: copy, names };
}

class SchemaVisitor {
  /** As JSON pointers. */
  private readonly visited = new Set<string>();
  private readonly references = new Set<string>();

  constructor(
    private readonly names: Set<string>,
    /** Then the names of each object are gathered again and again. */
    private readonly hasUnevaluated: boolean,
  ) {}

  /** @param path for people, as a JSON pointer */
  subschema(schema: unknown, path: string, units: number): unknown {
    this.visited.add(path);
    if (!isFields(schema)) {
      return schema;
    }
    const copy: Fields = {};
    let ownLength = 0;
    for (const [keyword, value] of Object.entries(schema)) {
      if (keyword.startsWith('x-') || ANNOTATIONS.has(keyword)) {
        continue;
      }
      const place = `${path}/${keyword}`;
      this.assertUsable(keyword, value, path);
      this.remember(keyword, value);
      const below = ALTERNATIVES.has(keyword) ? UNITS_OF_ALTERNATIVE : units;
      const inside = this.inside(keyword, value, place, below);
      setField(copy, keyword, inside ?? value);
      ownLength += inside === undefined ? JSON.stringify(value).length : 0;
    }
    const work: VisitWork = {
      units: units + Math.floor(ownLength / CHARACTERS_PER_UNIT),
      looksInside: this.hasUnevaluated || Object.keys(schema).some((name) => INSIDE.has(name)),
    };
    copy[WORK] = work;
    return copy;
  }

  /** What is referred to is a schema that was visited, so its visits are counted. */
  assertReferences(): void {
    for (const reference of this.references) {
      if (!this.visited.has(reference)) {
        throw new UnusableSchemaError(`refers to ${reference}, where it has no schema`);
      }
    }
  }

  /** @returns undefined where a keyword holds no schemas */
  private inside(keyword: string, value: unknown, place: string, units: number): unknown {
    if (MAPS.has(keyword) && isFields(value)) {
      const members: Fields = {};
      for (const [name, member] of Object.entries(value)) {
        setField(members, name, this.subschema(member, `${place}/${pointerOf(name)}`, units));
      }
      return members;
    }
    if (LISTS.has(keyword) && Array.isArray(value)) {
      return value.map((member, index) => this.subschema(member, `${place}/${index}`, units));
    }
    return SUBSCHEMAS.has(keyword) ? this.subschema(value, place, units) : undefined;
  }

  private assertUsable(keyword: string, value: unknown, path: string): void {
    const reason = REFUSED.get(keyword);
    if (reason !== undefined) {
      throw new UnusableSchemaError(`has ${keyword} at ${path}: ${reason}`);
    }
    if (keyword === '$id' && path !== '#') {
      throw new UnusableSchemaError(`has a schema of its own ($id) inside it, at ${path}`);
    }
    if (REFERENCES.has(keyword) && !(typeof value === 'string' && value.startsWith('#'))) {
      throw new UnusableSchemaError(
        `has a remote reference at ${path}/${keyword}: nothing is fetched, so copy what it names into $defs and refer to that ("#/$defs/…")`,
      );
    }
    if (keyword === 'properties' && isFields(value) && Object.hasOwn(value, '__proto__')) {
      throw new UnusableSchemaError(
        `names the property __proto__ at ${path}, which is not checked`,
      );
    }
  }

  private remember(keyword: string, value: unknown): void {
    if (REFERENCES.has(keyword) && String(value).startsWith('#/')) {
      this.references.add(decoded(String(value)));
    }
    if (keyword === 'properties' && isFields(value)) {
      Object.keys(value).forEach((name) => this.names.add(name));
    }
    if (keyword === 'required' && Array.isArray(value)) {
      value.forEach((name) => this.names.add(String(name)));
    }
  }
}

function pointerOf(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** A pointer in a reference is percent-encoded. */
function decoded(reference: string): string {
  try {
    return decodeURIComponent(reference);
  } catch {
    return reference;
  }
}
