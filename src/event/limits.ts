import type { Fields } from './fields.js';
import { Literal } from './literal.js';

/** The event itself is the first level. */
export const MAX_DEPTH = 32;
/** Object members, all levels together. */
export const MAX_FIELDS = 1000;
/** UTF-8. */
export const MAX_TYPE_BYTES = 128;

/** What is kept of a rejected event for diagnosis, at the least: MAX_EVENT_BYTES may be raised before it is replayed. */
const MIN_KEPT_BYTES = 128 * 1024;

/** A larger event is not kept when it is rejected, and need not be looked into. */
export function maxKeptBytes(maxEventBytes: number): number {
  return Math.max(2 * maxEventBytes, MIN_KEPT_BYTES);
}

export interface Survey {
  /** Object members, all levels together. */
  fields: number;
  /** There is a null or an empty object somewhere. */
  hasGaps: boolean;
  hasLiterals: boolean;
  /** There is a number that can't be stored. */
  hasUnstorable: boolean;
}

/**
 * Walks through a client's value, before anything else does: what comes later may be recursive.
 * @returns undefined when it is nested deeper than `MAX_DEPTH`
 */
export function survey(value: object): Survey | undefined {
  const found: Survey = {
    fields: 0,
    hasGaps: false,
    hasLiterals: false,
    hasUnstorable: false,
  };
  return isWithin(MAX_DEPTH, value, found) ? found : undefined;
}

function isWithin(levels: number, value: object, found: Survey): boolean {
  if (levels === 0) {
    return false;
  }
  if (Array.isArray(value)) {
    return value.every((element) => isMemberWithin(levels, element, found));
  }
  const fieldsBefore = found.fields;
  for (const name in value) {
    found.fields += 1;
    if (!isMemberWithin(levels, (value as Fields)[name], found)) {
      return false;
    }
  }
  found.hasGaps ||= found.fields === fieldsBefore;
  return true;
}

function isMemberWithin(levels: number, member: unknown, found: Survey): boolean {
  if (typeof member !== 'object') {
    return true;
  }
  if (member === null) {
    found.hasGaps = true;
    return true;
  }
  if (member instanceof Literal) {
    found.hasLiterals = true;
    found.hasUnstorable ||= !member.isStorable;
    return true;
  }
  return isWithin(levels - 1, member, found);
}
