import { RE2JS } from 're2js';
import { UnusableSchemaError } from './unusable-schema-error.js';
import type { WorkMeter } from './work-meter.js';

/** More would hardly leave a character to each match. */
const MAX_INSTRUCTIONS = 4000;
/** Units for each character, where the engine need not try alternatives. */
const ONE_PASS_UNITS = 8;

/** A reference to what a named group holds. The library would take it for text. */
const NAMED_REFERENCE = /(?<!\\)(?:\\\\)*\\k</;

/** As much of `RegExp` as Ajv needs. */
export interface Pattern {
  test(text: string): boolean;
  /** Tells patterns apart. */
  toString(): string;
}

/**
 * Compiles a pattern for RE2's algorithm, whose time grows with the length of a text and with the size of the pattern,
 * and never faster. Its automaton of unbounded memory is not used.
 * @throws UnusableSchemaError it is no pattern, or has look-around or references, which that algorithm cannot do
 */
export function linearPattern(source: string, meter: WorkMeter): Pattern {
  const expression = compile(source);
  const instructions = expression.programSize();
  if (instructions > MAX_INSTRUCTIONS) {
    throw unusable(source, `becomes ${instructions} instructions, more than ${MAX_INSTRUCTIONS}`);
  }
  const { onepass } = expression.re2() as { onepass?: unknown };
  const units = onepass ? ONE_PASS_UNITS : instructions;
  return {
    test: (text) => {
      meter.spend((text.length + 1) * units);
      // `test` would fill tables of up to 8 MiB for each pattern.
      return expression.matcher(text).find();
    },
    toString: () => source,
  };
}

function compile(source: string): RE2JS {
  if (NAMED_REFERENCE.test(source)) {
    throw unusable(source, 'has a reference to a group');
  }
  try {
    return RE2JS.compile(RE2JS.translateRegExp(source));
  } catch (error) {
    throw unusable(source, (error as Error).message);
  }
}

function unusable(source: string, reason: string): UnusableSchemaError {
  return new UnusableSchemaError(
    `has a pattern that cannot be used, ${JSON.stringify(source)}: ${reason}; patterns are those of RE2, without look-around and references`,
  );
}
