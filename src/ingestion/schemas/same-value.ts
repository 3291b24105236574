import { isFields } from '../../event/fields.js';
import type { WorkMeter } from './work-meter.js';

const CHARACTERS_PER_UNIT = 16;
const UNITS_OF_VALUE = 15;

/**
 * Whether no two items are the same value. Ajv compares each with each, which takes minutes for a large list.
 */
export function hasUniqueItems(items: readonly unknown[], meter: WorkMeter): boolean {
  const seen = new Set<string>();
  return items.every((item) => seen.size < seen.add(canonical(item, meter)).size);
}

/**
 * Gives whether a value is one of these. Ajv's comparison calls methods of the value, and a client may send a
 * `toString` that is none.
 */
export function isOneOf(values: readonly unknown[], meter: WorkMeter): (value: unknown) => boolean {
  const simple = new Set(values.filter((value) => !isComposite(value)));
  const texts = new Set(
    values.filter(isComposite).map((value) => canonical(value, { spend: () => {} })),
  );
  return (value) =>
    isComposite(value) ? texts.size > 0 && texts.has(canonical(value, meter)) : simple.has(value);
}

function isComposite(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** The same text for the same value, in whatever order the members of its objects are. */
function canonical(value: unknown, meter: Pick<WorkMeter, 'spend'>): string {
  meter.spend(UNITS_OF_VALUE);
  if (Array.isArray(value)) {
    return `[${value.map((item) => canonical(item, meter)).join(',')}]`;
  }
  if (isFields(value)) {
    const members = Object.keys(value).toSorted();
    return `{${members.map((name) => `${textOf(name, meter)}:${canonical(value[name], meter)}`).join(',')}}`;
  }
  return textOf(value, meter);
}

function textOf(value: unknown, meter: Pick<WorkMeter, 'spend'>): string {
  meter.spend(typeof value === 'string' ? value.length / CHARACTERS_PER_UNIT : 0);
  return JSON.stringify(value);
}
