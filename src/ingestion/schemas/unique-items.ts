import { isFields } from '../../event/fields.js';
import type { WorkMeter } from './work-meter.js';

const CHARACTERS_PER_UNIT = 16;
const UNITS_OF_VALUE = 15;

/** Whether no two items are the same value. Ajv's own comparison of each with each takes minutes for a large list. */
export function hasUniqueItems(items: readonly unknown[], meter: WorkMeter): boolean {
  const seen = new Set<string>();
  return items.every((item) => seen.size < seen.add(canonical(item, meter)).size);
}

/** The same text for the same value, in whatever order the members of its objects are. */
function canonical(value: unknown, meter: WorkMeter): string {
  meter.spend(UNITS_OF_VALUE);
  if (Array.isArray(value)) {
    return `[${value.map((item) => canonical(item, meter)).join(',')}]`;
  }
  if (isFields(value)) {
    const names = Object.keys(value).toSorted();
    return `{${names.map((name) => `${textOf(name, meter)}:${canonical(value[name], meter)}`).join(',')}}`;
  }
  return textOf(value, meter);
}

function textOf(value: unknown, meter: WorkMeter): string {
  meter.spend(typeof value === 'string' ? value.length / CHARACTERS_PER_UNIT : 0);
  return JSON.stringify(value);
}
