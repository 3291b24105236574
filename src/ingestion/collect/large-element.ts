import type { Fields } from '../../event/fields.js';
import { MAX_DEPTH, MAX_FIELDS, maxKeptBytes } from '../../event/limits.js';
import type { Work } from '../../event/work.js';
import { UnreadElement } from '../unread-element.js';
import { JsonBuilder } from './json-builder.js';
import type { ScannedValue } from './json-scanner.js';
import { LeastSize } from './least-size.js';
import type { Removals } from './value-places.js';

/** Values and names: 1 MiB of text holds no more. They take up to 20 times as much memory as their text. */
const MAX_VALUES = 512 * 1024;

/** Nothing is kept of an event with too many fields that holds more. */
const MAX_KEPT_VALUES = 32 * 1024;

/** Stands for an element that was parsed in pieces, and is to become an event that may be no smaller. */
export class BuiltElement {
  constructor(
    readonly fields: Fields,
    /** Values and names in it, as sent. */
    readonly values: number,
  ) {}
}

/** What is known of the size of an event before it is prepared. */
export interface Measured {
  /** Bytes that are stored of it at the least. */
  readonly size: number;
  /** Object members, all levels together. */
  readonly fields: number;
  readonly isTooDeep: boolean;
}

/**
 * The element of a body, parsed in pieces; or why it is no event, where `prepareEvent` would find the same and take
 * long for it. The reasons are those of `prepareEvent`, in its order.
 */
export function* readLargeElement(
  text: string,
  value: ScannedValue,
  maxEventBytes: number,
  removals: Removals,
): Work<unknown> {
  const { start, end, values } = value;
  const unread = faultOfText(text, value);
  if (unread !== undefined) {
    return unread;
  }
  const least = new LeastSize(text, start, end, removals);
  yield* least.measure();
  const fault = faultOfSize(least, values, maxEventBytes);
  if (fault !== undefined) {
    return fault;
  }
  // One with too many fields has to be found so when they are counted again.
  const plan = least.fields > MAX_FIELDS ? undefined : least;
  return yield* new JsonBuilder(text, start, end, plan).build();
}

/** The element alone: before it is an event, nothing more can be said of it. */
export function* buildLargeElement(
  text: string,
  value: ScannedValue,
): Work<BuiltElement | UnreadElement> {
  const { start, end, values } = value;
  const unread = faultOfText(text, value);
  return (
    unread ?? new BuiltElement((yield* new JsonBuilder(text, start, end).build()) as Fields, values)
  );
}

function faultOfText(text: string, { start, values }: ScannedValue): UnreadElement | undefined {
  if (text[start] !== '{') {
    return new UnreadElement('not_an_object', 'event: must be an object');
  }
  if (values > MAX_VALUES) {
    const error = `event: must not hold more than ${MAX_VALUES} values`;
    return new UnreadElement('too_large', error);
  }
  return undefined;
}

/**
 * @param values and names in the element, as sent
 * @returns why it is no event, if that is certain
 */
export function faultOfSize(
  { size, fields, isTooDeep }: Measured,
  values: number,
  maxEventBytes: number,
): UnreadElement | undefined {
  if (isTooDeep) {
    const error = `event: must not be nested deeper than ${MAX_DEPTH} levels`;
    return new UnreadElement('too_deep', error);
  }
  const isFarTooLarge = size > maxKeptBytes(maxEventBytes);
  if (fields > MAX_FIELDS && (isFarTooLarge || values > MAX_KEPT_VALUES)) {
    const error = `event: must not have more than ${MAX_FIELDS} fields`;
    return new UnreadElement('too_many_fields', error);
  }
  if (isFarTooLarge) {
    const error = `event: must not be longer than ${maxEventBytes} bytes, is at least ${size}`;
    return new UnreadElement('too_large', error);
  }
  return undefined;
}
