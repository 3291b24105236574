import { parse } from 'node:querystring';

/** Decoded names and values, without a prototype; an array for a repeated name. */
export type Query = Readonly<Record<string, string | string[] | undefined>>;

const BEYOND_ASCII = /[^\0-\u{7F}]/u;

/** Decodes as `URLSearchParams` does the query of an address, whatever the text. */
export function parseQuery(rawQuery: string): Query {
  // Node's own parser, which finishes sooner, mixes up other characters when an escape is bad.
  return BEYOND_ASCII.test(rawQuery)
    ? gathered(new URLSearchParams(`?${rawQuery}`))
    : parse(rawQuery, '&', '=', { maxKeys: 0 });
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

function gathered(pairs: URLSearchParams): Query {
  const query = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of pairs) {
    const before = query[name];
    if (before === undefined) {
      query[name] = value;
    } else if (typeof before === 'object') {
      before.push(value);
    } else {
      query[name] = [before, value];
    }
  }
  return query;
}
