import { MAX_DEPTH, MAX_FIELDS, maxKeptBytes } from '../../event/limits.js';
import { UnreadElement } from '../unread-element.js';
import type { ScannedValue } from './json-scanner.js';

/** Values and names. A text of 64 KiB holds no more, and so does no event of the default MAX_EVENT_BYTES. */
const MAX_VALUES = 32 * 1024;

/**
 * Why an element of a large body is not worth the time to parse it, and to make an event of it; undefined when it is.
 * The reasons are those that `prepareEvent` would find, in its order.
 */
export function unreadable(
  text: string,
  { start, values, fields, depth, length }: ScannedValue,
  maxEventBytes: number,
): UnreadElement | undefined {
  if (text[start] !== '{') {
    return new UnreadElement('not_an_object', 'event: must be an object');
  }
  if (depth > MAX_DEPTH) {
    const error = `event: must not be nested deeper than ${MAX_DEPTH} levels`;
    return new UnreadElement('too_deep', error);
  }
  if (values <= MAX_VALUES && length <= maxKeptBytes(maxEventBytes)) {
    return undefined;
  }
  if (fields > MAX_FIELDS) {
    const error = `event: must not have more than ${MAX_FIELDS} fields`;
    return new UnreadElement('too_many_fields', error);
  }
  const error =
    length > maxEventBytes
      ? `event: must not be longer than ${maxEventBytes} bytes, is at least ${length}`
      : `event: must not hold more than ${MAX_VALUES} values`;
  return new UnreadElement('too_large', error);
}
