import { forgetParts, hasParts, markFor, type Part, takeParts } from './encoded-list.js';
import type { EncodedEvent } from './stored-event.js';
import type { Work } from './work.js';

/**
 * NUL or a surrogate that JSON.stringify escaped, which it does when, and only when, it is alone. An even
 * number of backslashes before it are text.
 */
const UNSTORABLE = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][\da-f]{2})/g;

/** Characters of a text, and elements of a list, that are encoded on their own. */
const LONG = 256;
/** Characters of such a text between two pauses. */
const STEP = 16 * 1024;
/** Pieces between two pauses. */
const PIECES = 64;

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
  forgetParts();
  const json = storable(JSON.stringify(value));
  return hasParts() ? joined(...takeParts(json)) : json;
}

/** The same of a value with long texts and lists. */
export function* encodeInPieces(value: object): Work<string> {
  const pieces: string[] = [];
  yield* addJson(pieces, value);
  return pieces.join('');
}

function* addJson(pieces: string[], value: object): Work<void> {
  forgetParts();
  const [between, parts] = takeParts(JSON.stringify(value, apart));
  pieces.push(storable(between[0] as string));
  let pausedAt = pieces.length;
  for (const [index, part] of parts.entries()) {
    if ('json' in part) {
      pieces.push(part.json);
    } else if ('text' in part) {
      yield* addText(pieces, part.text);
    } else {
      yield* addList(pieces, part.list);
    }
    pieces.push(storable(between[index + 1] as string));
    if (pieces.length - pausedAt > PIECES) {
      yield;
      pausedAt = pieces.length;
    }
  }
}

function apart(_name: string, member: unknown): unknown {
  if (typeof member === 'string' && member.length > LONG) {
    return markFor({ text: member });
  }
  return Array.isArray(member) && member.length > LONG ? markFor({ list: member }) : member;
}

function* addList(pieces: string[], list: readonly unknown[]): Work<void> {
  pieces.push('[');
  for (let from = 0; from < list.length; from += LONG) {
    if (from > 0) {
      pieces.push(',');
      yield;
    }
    const part: string[] = [];
    yield* addJson(part, list.slice(from, from + LONG));
    // Without its brackets.
    part[0] = (part[0] as string).slice(1);
    part.push((part.pop() as string).slice(0, -1));
    pieces.push(part.join(''));
  }
  pieces.push(']');
}

/** Adds a text in quotes. */
function* addText(pieces: string[], text: string): Work<void> {
  pieces.push('"');
  for (let from = 0; from < text.length;) {
    if (from > 0) {
      yield;
    }
    const to = from + STEP;
    // Two surrogates stay together.
    const end = isHighSurrogate(text.charCodeAt(to - 1)) ? to + 1 : to;
    pieces.push(storable(JSON.stringify(text.slice(from, end))).slice(1, -1));
    from = end;
  }
  pieces.push('"');
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd8_00 && code < 0xdc_00;
}

function joined(between: readonly string[], parts: readonly Part[]): string {
  let json = between[0] as string;
  for (const [index, part] of parts.entries()) {
    // There is no other without `apart`.
    json += ('json' in part ? part.json : '') + (between[index + 1] as string);
  }
  return json;
}

function storable(json: string): string {
  return json.includes('\\u') ? json.replace(UNSTORABLE, '$1\u{FFFD}') : json;
}
