import { type Fields, setField } from '../../event/fields.js';
import { NumberLiteral } from '../../event/number-literal.js';
import type { WorkMeter } from './work-meter.js';

const UNITS_OF_VALUE = 1;
const CHARACTERS_PER_UNIT = 64;
/** NUL is stored as this, as are lone surrogates. */
const REPLACEMENT = '\u{FFFD}';

/**
 * An event as `JSON.parse` would read it where it is stored, without `server`. Parsing it again would take longer than
 * all else: a copy is only made of what is different.
 */
export function plainEvent(event: Readonly<Fields>, meter: WorkMeter): Fields {
  const { server: _server, ...fields } = event;
  return plainFields(fields, meter);
}

function plainValue(value: unknown, meter: WorkMeter): unknown {
  meter.spend(UNITS_OF_VALUE);
  if (typeof value === 'string') {
    return plainText(value, meter);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (value instanceof NumberLiteral) {
    return Number(value.text);
  }
  return Array.isArray(value) ? plainList(value, meter) : plainFields(value as Fields, meter);
}

function plainText(text: string, meter: WorkMeter): string {
  meter.spend(text.length / CHARACTERS_PER_UNIT);
  return text.isWellFormed() && !text.includes('\0')
    ? text
    : text.toWellFormed().replaceAll('\0', REPLACEMENT);
}

function plainList(list: readonly unknown[], meter: WorkMeter): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (const [index, element] of list.entries()) {
    const plain = plainValue(element, meter);
    if (plain !== element) {
      copy ??= [...list];
      copy[index] = plain;
    }
  }
  return copy ?? list;
}

/** A member that is undefined is one that is not stored. */
function plainFields(fields: Fields, meter: WorkMeter): Fields {
  let copy: Fields | undefined;
  for (const name in fields) {
    const member = fields[name];
    const plain = plainValue(member, meter);
    if (plain === undefined) {
      copy ??= { ...fields };
      delete copy[name];
    } else if (plain !== member) {
      copy ??= { ...fields };
      setField(copy, name, plain);
    }
  }
  return copy ?? fields;
}
