import type { Fields } from '../../event/fields.js';
import { MAX_DEPTH, MAX_FIELDS, maxKeptBytes } from '../../event/limits.js';
import { UnreadElement } from '../unread-element.js';
import type { Work } from '../work.js';
import { JsonBuilder } from './json-builder.js';
import type { ScannedValue } from './json-scanner.js';
import { LeastSize, type Removals } from './least-size.js';

/** Values and names: 1 MiB of text holds no more. They take up to 20 times as much memory as their text. */
const MAX_VALUES = 512 * 1024;

/** Nothing is kept of an event with too many fields that holds more. */
const MAX_KEPT_VALUES = 32 * 1024;

/** Stands for an element that was parsed in pieces, and is to become an event that may be no smaller. */
export class LargeElement {
  constructor(
    readonly fields: Fields,
    /** Values and names in it, as sent. */
    readonly values: number,
  ) {}
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
  const read = yield* buildLargeElement(text, value);
  return read instanceof UnreadElement
    ? read
    : ((yield* faultOfLarge(read, maxEventBytes, removals)) ?? read.fields);
}

/** The element alone: before it is an event, nothing more can be said of it. */
export function* buildLargeElement(
  text: string,
  { start, end, values }: ScannedValue,
): Work<LargeElement | UnreadElement> {
  if (text[start] !== '{') {
    return new UnreadElement('not_an_object', 'event: must be an object');
  }
  if (values > MAX_VALUES) {
    const error = `event: must not hold more than ${MAX_VALUES} values`;
    return new UnreadElement('too_large', error);
  }
  return new LargeElement((yield* new JsonBuilder(text, start, end).build()) as Fields, values);
}

/** Takes out of an event what is not stored and may be large, or says why it is none. */
export function* faultOfLarge(
  { fields: event, values }: LargeElement,
  maxEventBytes: number,
  removals: Removals,
): Work<UnreadElement | undefined> {
  const least = new LeastSize(removals);
  const size = yield* least.ofEvent(event);
  if (least.isTooDeep) {
    const error = `event: must not be nested deeper than ${MAX_DEPTH} levels`;
    return new UnreadElement('too_deep', error);
  }
  const isFarTooLarge = size > maxKeptBytes(maxEventBytes);
  if (least.fields > MAX_FIELDS && (isFarTooLarge || values > MAX_KEPT_VALUES)) {
    const error = `event: must not have more than ${MAX_FIELDS} fields`;
    return new UnreadElement('too_many_fields', error);
  }
  if (isFarTooLarge) {
    const error = `event: must not be longer than ${maxEventBytes} bytes, is at least ${size}`;
    return new UnreadElement('too_large', error);
  }
  if (least.fields <= MAX_FIELDS) {
    // The server writes them itself, and what a client says there may be large.
    delete event['server'];
    delete event['received_at'];
  }
  return undefined;
}
