import { flatText } from './flat-text.js';

/** Decoded, in the order of the query; an array for a repeated name. */
export type Query = ReadonlyMap<string, string | string[]>;

let lastRawQuery = '';
let lastQuery: Query = new Map();

/** Decodes as `URLSearchParams` does the query of an address, whatever the text, and sooner. */
export function parseQuery(rawQuery: string): Query {
  // The query of a pixel's page is asked for again when its event is prepared.
  if (rawQuery !== lastRawQuery) {
    lastQuery = parsed(rawQuery.toWellFormed());
    lastRawQuery = rawQuery;
  }
  return lastQuery;
}

function parsed(rawQuery: string): Query {
  try {
    return decoded(rawQuery);
  } catch {
    // All of it: one error takes as long as twenty values, and a client may send thousands of bad escapes.
    const query = new Map<string, string | string[]>();
    for (const [name, value] of new URLSearchParams(`?${rawQuery}`)) {
      add(query, name, value);
    }
    return query;
  }
}

/** @throws URIError for an escape that is none */
function decoded(rawQuery: string): Query {
  const query = new Map<string, string | string[]>();
  let equalsAt = -1;
  let end = 0;
  for (let start = 0; start < rawQuery.length; start = end + 1) {
    end = indexOrEnd(rawQuery, '&', start);
    if (end === start) {
      continue;
    }
    // Looked for once: text without any must not be searched again for each of its parameters.
    if (equalsAt < start) {
      equalsAt = indexOrEnd(rawQuery, '=', start);
    }
    const nameEnd = Math.min(equalsAt, end);
    const name = decode(rawQuery.slice(start, nameEnd));
    add(query, name, decode(rawQuery.slice(nameEnd + 1, end)));
  }
  return query;
}

function indexOrEnd(text: string, searched: string, from: number): number {
  const index = text.indexOf(searched, from);
  return index === -1 ? text.length : index;
}

function add(query: Map<string, string | string[]>, name: string, value: string): void {
  const before = query.get(name);
  if (before === undefined) {
    query.set(name, value);
  } else if (typeof before === 'object') {
    before.push(value);
  } else {
    query.set(name, [before, value]);
  }
}

function decode(raw: string): string {
  const text = raw.includes('+') ? raw.replaceAll('+', ' ') : raw;
  return text.includes('%') ? decodeURIComponent(text) : flatText(text);
}

/** Without percent-escapes; as it is when one of them is none. */
export function unescaped(text: string): string {
  try {
    return text.includes('%') ? decodeURIComponent(text) : text;
  } catch {
    return text;
  }
}

/** What a request's target holds after its `?`. */
export function rawQueryOf(target: string): string {
  const queryAt = target.indexOf('?');
  return queryAt === -1 ? '' : withoutQuestionMark(target.slice(queryAt + 1));
}

/** Scripts often put one in front of a query that has one already. */
export function withoutQuestionMark(rawQuery: string): string {
  return rawQuery.startsWith('?') ? rawQuery.replace(/^\?+/, '') : rawQuery;
}

export function firstOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'object' ? value[0] : value;
}

/** An empty text only when all are empty. */
export function firstNotEmpty(value: string | string[] | undefined): string | undefined {
  return typeof value === 'object' ? (value.find((one) => one !== '') ?? '') : value;
}
