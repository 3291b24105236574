import { randomBytes } from 'node:crypto';
import { Literal } from './literal.js';

/** A part of a value: JSON already, or what is to be encoded in pieces. */
export type Part =
  { readonly json: string } | { readonly text: string } | { readonly list: readonly unknown[] };

/** Stands for a part that is encoded already, or will be in pieces. No client can know it. */
const MARK = randomBytes(12).toString('base64url');

/** The parts that the marks in what `JSON.stringify` gave last stand for, in order. */
let parts: Part[] = [];

/** A list of a client's own data as it is stored: as objects, it would take up to 50 times the memory. */
export class EncodedList extends Literal {
  constructor(
    readonly text: string,
    readonly isStorable: boolean,
  ) {
    super();
  }

  toJSON(): string {
    return markFor({ json: this.text });
  }
}

/** @returns stands in a value for a part of its JSON until `takeParts` is called */
export function markFor(part: Part): string {
  parts.push(part);
  return MARK;
}

/** Somebody else may have written such a value as JSON. */
export function forgetParts(): void {
  if (parts.length > 0) {
    parts = [];
  }
}

export function hasParts(): boolean {
  return parts.length > 0;
}

/** @returns the JSON between the marks, one more than there are parts, and the parts */
export function takeParts(json: string): [between: string[], parts: Part[]] {
  const taken = parts;
  parts = [];
  return [json.split(`"${MARK}"`), taken];
}
