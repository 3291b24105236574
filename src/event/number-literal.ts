import { Literal } from './literal.js';

/** PostgreSQL's jsonb refuses numbers of more digits than these can have. */
const MAX_LENGTH = 400;
const MAX_EXPONENT = 400;

// The library of TypeScript does not know it yet.
const { rawJSON } = JSON as unknown as { rawJSON(this: void, text: string): unknown };

/** A number of JSON that would lose digits as a double: an integer beyond 2^53, or one that overflows. */
export class NumberLiteral extends Literal {
  constructor(readonly text: string) {
    super();
  }

  get isStorable(): boolean {
    const exponent = Number(/[eE](.+)/.exec(this.text)?.[1] ?? 0);
    return this.text.length <= MAX_LENGTH && Math.abs(exponent) <= MAX_EXPONENT;
  }

  /** With it `JSON.stringify` writes the same digits. */
  toJSON(): unknown {
    return rawJSON(this.text);
  }
}

/** What a number of JSON is read as. */
export function numberOf(text: string): number | NumberLiteral {
  const number = Number(text);
  return isExact(number) ? number : new NumberLiteral(text);
}

/** Whether it is none that a double may have changed. */
export function isExact(number: number): boolean {
  return Math.abs(number) <= Number.MAX_SAFE_INTEGER;
}
