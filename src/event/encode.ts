import type { EncodedEvent } from './stored-event.js';

/**
 * NUL or a surrogate that JSON.stringify escaped, which it does when, and only when, it is alone. An even
 * number of backslashes before it are text.
 */
const UNSTORABLE = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][\da-f]{2})/g;

/**
 * The JSON of `value` as it is stored: one line of valid UTF-8. NUL and lone surrogates, which a sink
 * would choke on, become U+FFFD, in keys too; numbers that are not finite become null.
 * `value` must be data that `JSON.parse` could have made.
 */
export function encode(value: object): EncodedEvent {
  return Buffer.from(encodeText(value));
}

/** The same as text. */
export function encodeText(value: object): string {
  const json = JSON.stringify(value);
  return json.includes('\\u') ? json.replace(UNSTORABLE, '$1\u{FFFD}') : json;
}
