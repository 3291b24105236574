import type { EncodedEvent } from './stored-event.js';

/** Any escape of a JSON text: consuming each whole keeps an escaped backslash from looking like the start of another. */
const ESCAPE = /\\(u0000|ud[89a-f][\da-f]{2}|.)/g;

/**
 * The JSON of `value` as it is stored: one line of valid UTF-8. NUL and lone surrogates, which a sink
 * would choke on, become U+FFFD, in keys too; numbers that are not finite become null.
 * `value` must be data that `JSON.parse` could have made.
 */
export function encode(value: object): EncodedEvent {
  const json = JSON.stringify(value);
  return Buffer.from(json.includes('\\u') ? withoutUnstorable(json) : json);
}

function withoutUnstorable(json: string): string {
  // JSON.stringify writes NUL and surrogates as escapes when, and only when, they are alone.
  return json.replace(ESCAPE, (escape, code: string) => (code.length > 1 ? '\u{FFFD}' : escape));
}
