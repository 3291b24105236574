import { HttpError } from '../../http/errors.js';
import { parseJson } from '../../event/parse-json.js';
import { faultAt, faultOf } from '../body/json-fault.js';
import type { BodyForm } from '../body/media-type.js';
import { UnreadElement } from '../unread-element.js';
import type { Work } from '../../event/work.js';
import { amongElements, type Elements, LargeElement, PAUSE } from '../elements.js';
import { JsonFaultError, JsonScanner } from './json-scanner.js';
import { BuiltElement, buildLargeElement, readLargeElement } from './large-element.js';
import type { Removals } from './value-places.js';

/**
 * Characters. `JSON.parse` takes up to 4 ms for a text of this length, and up to 200 ms for one of 1 MiB: a longer one
 * is looked through in pieces, and its elements are parsed one at a time, those that are as long in pieces, too.
 */
export const LARGE = 64 * 1024;

/** Characters. To prepare an element of this length takes up to a millisecond, and as long again to parse it. */
const MEDIUM = 8 * 1024;

/** Characters of NDJSON between two pauses. */
const STEP = 32 * 1024;
const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;

export interface EventLimits {
  readonly maxBatchEvents: number;
  readonly maxEventBytes: number;
  /** Undefined for elements that only become events: a large one is a `BuiltElement` then. */
  readonly removals: Removals | undefined;
}

/**
 * Whether the body is acceptable as a whole is known when this returns. The elements of a large one are parsed as
 * they are asked for: what it expands to is never there at once.
 * @param large characters of a text that is not parsed at once
 * @throws HttpError the body as a whole is not acceptable
 */
export function* parseEvents(
  form: BodyForm,
  text: string,
  limits: EventLimits,
  large = LARGE,
): Work<Elements> {
  if (form === 'ndjson') {
    const lines = yield* linesOf(text, limits.maxBatchEvents);
    return parseLines(text, lines, limits, large);
  }
  if (text.length > large) {
    return yield* parseLargeJson(text, limits, large);
  }
  const elements = parseSmallJson(text, limits.maxBatchEvents);
  return elements.length === 1 ? ofLength(text.length, elements[0]) : elements;
}

function parseSmallJson(text: string, maxEvents: number): readonly unknown[] {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new HttpError('GT_MALFORMED_JSON', faultOf(text, error as SyntaxError));
  }
  if (typeof value !== 'object' || value === null) {
    throw new HttpError('GT_NOT_AN_EVENT');
  }
  const elements: unknown[] = Array.isArray(value) ? value : [value];
  assertCount(elements.length, maxEvents);
  return elements;
}

function* parseLargeJson(text: string, limits: EventLimits, large: number): Work<Elements> {
  const scanner = new JsonScanner(text, limits.maxBatchEvents);
  yield* scanBody(text, scanner);
  if (!scanner.isList && text[scanner.found[0]?.start ?? 0] !== '{') {
    throw new HttpError('GT_NOT_AN_EVENT');
  }
  assertCount(scanner.count, limits.maxBatchEvents);
  return parseScanned(text, scanner, limits, large);
}

/** @throws HttpError the text is not JSON */
export function* scanBody(text: string, scanner: JsonScanner): Work<void> {
  try {
    yield* scanner.scan('elements');
  } catch (error) {
    throw error instanceof JsonFaultError
      ? new HttpError('GT_MALFORMED_JSON', faultAt(text, error.position))
      : error;
  }
}

/** Parses what was found as it is asked for. */
export function* parseScanned(
  text: string,
  { found }: JsonScanner,
  { maxEventBytes, removals }: EventLimits,
  large = LARGE,
): Generator {
  for (const value of found) {
    if (value.end - value.start > large) {
      const read: unknown = yield* amongElements(
        removals === undefined
          ? buildLargeElement(text, value)
          : readLargeElement(text, value, maxEventBytes, removals),
      );
      const isDone = read instanceof UnreadElement || read instanceof BuiltElement;
      yield isDone ? read : new LargeElement(read);
    } else {
      const length = value.end - value.start;
      yield* ofLength(length, parseJson(text.slice(value.start, value.end)));
    }
    yield PAUSE;
  }
}

/** What was parsed at once is prepared in pieces, and later, when its text was long. */
export function* ofLength(length: number, element: unknown): Generator {
  if (length > MEDIUM && !(element instanceof UnreadElement)) {
    yield PAUSE;
    yield new LargeElement(element);
  } else {
    yield element;
  }
}

interface Line {
  readonly start: number;
  readonly end: number;
}

/** Those that are not blank. */
function* linesOf(text: string, maxEvents: number): Work<readonly Line[]> {
  const lines: Line[] = [];
  let pauseAt = STEP;
  for (let start = 0, at = 0; at < text.length; at += 1) {
    if (at >= pauseAt) {
      yield;
      pauseAt = at + STEP;
    }
    const code = text.charCodeAt(at);
    if (code === NEWLINE) {
      start = at + 1;
    } else if (code !== SPACE && code !== TAB && code !== RETURN) {
      const newline = text.indexOf('\n', at);
      at = newline === -1 ? text.length : newline;
      lines.push({ start, end: at });
      start = at + 1;
      if (lines.length > maxEvents) {
        break;
      }
    }
  }
  assertCount(lines.length, maxEvents);
  return lines;
}

function* parseLines(
  text: string,
  lines: readonly Line[],
  limits: EventLimits,
  large: number,
): Generator {
  for (const { start, end } of lines) {
    const line = text.slice(start, end);
    if (line.length > large) {
      yield* parseLargeLine(line, limits, large);
    } else {
      yield* ofLength(line.length, parseLine(line));
    }
    yield PAUSE;
  }
}

function parseLine(line: string): unknown {
  try {
    return parseJson(line);
  } catch (error) {
    return malformed(faultOf(line, error as SyntaxError));
  }
}

function* parseLargeLine(line: string, limits: EventLimits, large: number): Generator {
  const scanner = new JsonScanner(line, 1);
  try {
    for (const _ of scanner.scan('whole')) {
      yield PAUSE;
    }
  } catch (error) {
    yield malformed(faultAt(line, (error as JsonFaultError).position));
    return;
  }
  yield* parseScanned(line, scanner, limits, large);
}

function malformed(fault: string): UnreadElement {
  return new UnreadElement('malformed', `the line is not valid JSON: ${fault}`);
}

/** @throws HttpError none, or too many */
function assertCount(count: number, maxEvents: number): void {
  if (count === 0) {
    throw new HttpError('GT_NO_EVENTS');
  }
  if (count > maxEvents) {
    throw new HttpError('GT_TOO_MANY_EVENTS', `at most ${maxEvents}`);
  }
}
