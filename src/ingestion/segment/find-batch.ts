import type { Work } from '../work.js';

/** Characters between two pauses. */
const STEP = 32 * 1024;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Where the member `batch` of the object that a text holds has its value; the last of several, as for `JSON.parse`.
 * It looks at no more than brackets, strings and separators: whether the parts are JSON is for their parser to say.
 */
export function* findBatch(text: string): Work<Span | undefined> {
  let found: Span | undefined;
  let depth = 0;
  let nameAt = 0;
  let start = -1;
  let pauseAt = STEP;
  for (let at = 0; at < text.length; at += 1) {
    if (at >= pauseAt) {
      yield;
      pauseAt = at + STEP;
    }
    switch (text.charCodeAt(at)) {
      case QUOTE:
        nameAt = start === -1 ? at : nameAt;
        for (at = nextQuote(text, at); isEscaped(text, at); at = nextQuote(text, at)) {
          if (at >= pauseAt) {
            yield;
            pauseAt = at + STEP;
          }
        }
        break;
      case COLON:
        start = depth === 1 && start === -1 ? at + 1 : start;
        break;
      case OPEN_OBJECT:
      case OPEN_LIST:
        depth += 1;
        break;
      case COMMA:
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        if (depth === 1 && start !== -1) {
          found = isBatch(text.slice(nameAt, start - 1).trimEnd()) ? { start, end: at } : found;
          start = -1;
        }
        depth -= text.charCodeAt(at) === COMMA ? 0 : 1;
        break;
      default:
    }
  }
  return found;
}

function nextQuote(text: string, from: number): number {
  const at = text.indexOf('"', from + 1);
  return at === -1 ? text.length : at;
}

function isEscaped(text: string, quoteAt: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(quoteAt - 1 - backslashes) === BACKSLASH) {
    backslashes += 1;
  }
  return quoteAt < text.length && backslashes % 2 === 1;
}

/** A name may be written with escapes: each character with six at most. */
function isBatch(quoted: string): boolean {
  if (quoted === '"batch"') {
    return true;
  }
  if (!quoted.includes('\\') || quoted.length > 32) {
    return false;
  }
  try {
    return JSON.parse(quoted) === 'batch';
  } catch {
    return false;
  }
}
