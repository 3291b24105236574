import { HttpError } from '../../http/errors.js';
import { parseJson as parseElement } from '../../event/parse-json.js';
import { faultOf } from '../body/json-fault.js';
import type { BodyForm } from '../body/media-type.js';
import { MalformedElement } from '../malformed-element.js';

/**
 * What a body holds, in its order: anything that JSON can say, to be validated one by one.
 * @throws HttpError the body as a whole is not acceptable
 */
export function parseEvents(form: BodyForm, text: string, maxEvents: number): unknown[] {
  const elements = form === 'json' ? parseJson(text) : parseLines(text, maxEvents);
  if (elements.length === 0) {
    throw new HttpError('GT_NO_EVENTS');
  }
  if (elements.length > maxEvents) {
    throw tooMany(maxEvents);
  }
  return elements;
}

function parseJson(text: string): unknown[] {
  const value = parse(text);
  if (value instanceof MalformedElement) {
    throw new HttpError('GT_MALFORMED_JSON', value.reason);
  }
  if (typeof value !== 'object' || value === null) {
    throw new HttpError('GT_NOT_AN_EVENT');
  }
  return Array.isArray(value) ? value : [value];
}

function parseLines(text: string, maxEvents: number): unknown[] {
  const lines: string[] = [];
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end);
    if (!/^[ \t\r]*$/.test(line) && lines.push(line) > maxEvents) {
      throw tooMany(maxEvents);
    }
    start = end + 1;
  }
  return lines.map(parse);
}

function parse(json: string): unknown {
  try {
    return parseElement(json);
  } catch (error) {
    return new MalformedElement(faultOf(json, error as SyntaxError));
  }
}

function tooMany(maxEvents: number): HttpError {
  return new HttpError('GT_TOO_MANY_EVENTS', `at most ${maxEvents}`);
}
