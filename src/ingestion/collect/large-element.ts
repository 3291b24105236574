import { MAX_DEPTH, MAX_FIELDS, maxKeptBytes } from '../../event/limits.js';
import { UnreadElement } from '../unread-element.js';
import type { Work } from '../../event/work.js';
import { JsonBuilder } from './json-builder.js';
import type { ScannedValue } from './json-scanner.js';
import { LeastSize } from './least-size.js';
import type { Removals } from './value-places.js';

/** Values and names: 1 MiB of text holds no more. They take up to 20 times as much memory as their text. */
const MAX_VALUES = 512 * 1024;

/** Nothing is kept of an event with too many fields that holds more. */
const MAX_KEPT_VALUES = 32 * 1024;

/**
 * The element of a body, parsed in pieces; or why it is no event, where `prepareEvent` would find the same and take
 * long for it. The reasons are those of `prepareEvent`, in its order.
 */
export function* readLargeElement(
  text: string,
  { start, end, values }: ScannedValue,
  maxEventBytes: number,
  removals: Removals,
): Work<unknown> {
  if (text[start] !== '{') {
    return new UnreadElement('not_an_object', 'event: must be an object');
  }
  if (values > MAX_VALUES) {
    const error = `event: must not hold more than ${MAX_VALUES} values`;
    return new UnreadElement('too_large', error);
  }
  const least = new LeastSize(text, start, end, removals);
  yield* least.measure();
  const { size } = least;
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
  // One with too many fields has to be found so when they are counted again.
  const plan = least.fields > MAX_FIELDS ? undefined : least;
  return yield* new JsonBuilder(text, start, end, plan).build();
}
