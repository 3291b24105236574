import { Ajv, _, type KeywordCxt, type Options, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Fields } from '../../event/fields.js';
import { meteredFormats } from './formats.js';
import { linearPattern } from './linear-pattern.js';
import { type VisitWork, WORK } from './metered-schema.js';
import { hasUniqueItems, isOneOf } from './same-value.js';
import { UnusableSchemaError } from './unusable-schema-error.js';
import type { WorkMeter } from './work-meter.js';

const CHARACTERS_PER_UNIT = 12;

/** What the three classes of Ajv have in common. */
type AnyAjv = Pick<
  Ajv,
  'addKeyword' | 'compile' | 'errors' | 'errorsText' | 'removeKeyword' | 'validateSchema'
>;
type Draft = new (options: Options) => AnyAjv;

const LATEST = 'json-schema.org/draft/2020-12/schema';
/** By what `$schema` says, without its scheme and an empty fragment. */
const DRAFTS = new Map<string, Draft>([
  [LATEST, Ajv2020],
  ['json-schema.org/draft/2019-09/schema', Ajv2019],
  ['json-schema.org/draft-07/schema', Ajv],
  ['json-schema.org/draft-06/schema', Ajv],
]);

/** Those that judge schemas. Each takes some ten milliseconds to make. */
const judges = new Map<Draft, AnyAjv>();

/** @throws UnusableSchemaError `$schema` names another draft */
export function draftOf({ $schema = LATEST }: Fields): Draft {
  const draft = DRAFTS.get(
    String($schema)
      .replace(/^https?:\/\//, '')
      .replace(/#$/, ''),
  );
  if (draft === undefined) {
    throw new UnusableSchemaError(
      'has a $schema that is not supported; those of draft-06, draft-07, 2019-09 and 2020-12 are',
    );
  }
  return draft;
}

/** @throws UnusableSchemaError its draft does not allow what it says */
export function assertSchema(draft: Draft, { $schema: _named, ...schema }: Fields): void {
  const judge = judges.get(draft) ?? new draft({ strict: false, validateFormats: false });
  judges.set(draft, judge);
  if (judge.validateSchema(schema) !== true) {
    const reason = judge.errorsText(judge.errors?.slice(0, 1), { dataVar: '#' });
    throw new UnusableSchemaError(`is no JSON Schema of its draft: ${reason}`);
  }
}

/**
 * Compiles with an instance of its own, which goes with the schema when another takes its place.
 * @throws Error as Ajv has it
 */
export function compileWith(draft: Draft, schema: Fields, meter: WorkMeter): ValidateFunction {
  const ajv = new draft({
    // A misspelt keyword would be a rule that nobody checks.
    strictSchema: true,
    strictTypes: false,
    strictTuples: false,
    allowMatchingProperties: true,
    // `constructor` is a name like any other.
    ownProperties: true,
    // What is inlined is not counted.
    inlineRefs: false,
    meta: false,
    validateSchema: false,
    logger: false,
    formats: meteredFormats(meter),
    code: {
      regExp: Object.assign((source: string) => linearPattern(source, meter), {
        code: 'linearPattern',
      }),
    },
  });
  ajv.addKeyword({
    keyword: WORK,
    schemaType: 'object',
    before: 'not',
    code: (context) => countVisit(context, meter),
  });
  replaceKeyword(ajv, 'const', {
    passes: (value) => isOneOf([value], meter),
    message: 'must be equal to constant',
  });
  replaceKeyword(ajv, 'enum', {
    passes: (values) => isOneOf(values as readonly unknown[], meter),
    message: 'must be equal to one of the allowed values',
  });
  replaceKeyword(ajv, 'uniqueItems', {
    type: 'array',
    passes: (isOn) => (items) => isOn !== true || hasUniqueItems(items as unknown[], meter),
    message: 'must not have an item twice',
  });
  return ajv.compile(schema);
}

interface Replacement {
  /** The type of the values that it is about; undefined: all. */
  readonly type?: 'array';
  /** @param argument what the schema says */
  readonly passes: (argument: unknown) => (value: unknown) => boolean;
  readonly message: string;
}

/** Ajv's own takes too long, or throws, for what clients may send. */
function replaceKeyword(ajv: AnyAjv, keyword: string, replacement: Replacement): void {
  const { type, passes, message } = replacement;
  ajv.removeKeyword(keyword);
  ajv.addKeyword({
    keyword,
    ...(type && { type }),
    // Where Ajv has them: before what goes into subschemas.
    before: type === undefined ? 'not' : 'items',
    code: (context) => {
      const { gen, data, schema } = context;
      const test = gen.scopeValue('func', { ref: passes(schema) });
      context.pass(_`${test}(${data})`);
    },
    error: { message },
  });
}

function countVisit({ gen, data, schema }: KeywordCxt, meter: WorkMeter): void {
  const { units, looksInside } = schema as VisitWork;
  const visit = gen.scopeValue('func', {
    ref: (value: unknown) => meter.spend(units + (looksInside ? unitsInside(value) : 0)),
  });
  gen.code(_`${visit}(${data})`);
}

function unitsInside(value: unknown): number {
  if (typeof value === 'string') {
    return value.length / CHARACTERS_PER_UNIT;
  }
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}
