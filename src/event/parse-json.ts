import { randomBytes } from 'node:crypto';
import { type Fields, setField } from './fields.js';
import { MAX_DEPTH } from './limits.js';
import { isExact, NumberLiteral } from './number-literal.js';

/** Finds too much: it may stand in a string. */
const CANDIDATE = /[\s:,[]-?(?:\d{16}|\d+(?:\.\d+)?[eE]\+?\d)/;
const CANDIDATES = /[\s:,[](-?(?:\d{16,}(?:\.\d+)?(?:[eE][+-]?\d+)?|\d+(?:\.\d+)?[eE]\+?\d+))/g;

/** No client can know it. */
const MARK = randomBytes(12).toString('base64url');

/**
 * `JSON.parse`, but a number that a double can't hold becomes a `NumberLiteral`, as deep as an event may
 * be. Only a text with such a number is parsed twice: then it stands in quotes. (A reviver would be told
 * the digits too. It takes twenty times as long, and fails on deep nesting.)
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || !CANDIDATE.test(text)) {
    return value;
  }
  const quoted = withQuotedLiterals(text);
  // The list that holds the events is a level of its own.
  return quoted === text ? value : revived(JSON.parse(quoted), MAX_DEPTH + 1);
}

function withQuotedLiterals(text: string): string {
  let quoted = '';
  let copied = 0;
  let quoteAt = text.indexOf('"');
  let stringEnd = 0;
  for (const { index, 1: literal = '' } of text.matchAll(CANDIDATES)) {
    while (quoteAt !== -1 && quoteAt < index) {
      stringEnd = endOfString(text, quoteAt);
      quoteAt = text.indexOf('"', stringEnd);
    }
    if (index >= stringEnd && !isExact(Number(literal))) {
      quoted += `${text.slice(copied, index + 1)}"${MARK}${literal}"`;
      copied = index + 1 + literal.length;
    }
  }
  return quoted + text.slice(copied);
}

function endOfString(text: string, start: number): number {
  for (let end = start + 1; ; end += 1) {
    end = text.indexOf('"', end);
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') {
      backslashes += 1;
    }
    if (backslashes % 2 === 0) {
      return end + 1;
    }
  }
}

/** Deeper than `levels` the marks stay: an event with them is rejected, and nothing of it is kept. */
function revived(value: unknown, levels: number): unknown {
  if (typeof value === 'string') {
    return value.startsWith(MARK) ? new NumberLiteral(value.slice(MARK.length)) : value;
  }
  if (typeof value !== 'object' || value === null || levels === 0) {
    return value;
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      value[index] = revived(value[index], levels - 1);
    }
    return value;
  }
  for (const name in value) {
    const member = (value as Fields)[name];
    const kept = revived(member, levels - 1);
    if (kept !== member) {
      setField(value as Fields, name, kept);
    }
  }
  return value;
}
