import { addCampaign, hasCampaign } from './campaign.js';
import { compact } from './compact.js';
import { type Fields, isFields, setField } from './fields.js';
import { flatText } from './flat-text.js';
import { firstOf, parseQuery, type Query, withoutQuestionMark } from './query.js';
import type { Sanitizer } from './sanitize.js';

/** Characters: it goes into each event of a request, and a request may carry many. */
const MAX_REQUEST_QUERY = 2048;

/** A browser opens these without `//` too. Any other may be a host before its port. */
const SCHEMES = new Set([
  'about:',
  'blob:',
  'data:',
  'file:',
  'ftp:',
  'http:',
  'https:',
  'ws:',
  'wss:',
]);

/**
 * The page at an address, without user name and password; null when it is none.
 * @param address may be relative to `referer`, and is that when it is empty
 */
export function pageAt(address: string, referer: string): URL | null {
  const absolute = URL.parse(address === '' ? referer : address);
  const page = absolute ?? URL.parse(address, referer);
  if (
    page === null ||
    !(SCHEMES.has(page.protocol) || page.href.startsWith(`${page.protocol}//`))
  ) {
    return null;
  }
  if (page.username !== '' || page.password !== '') {
    page.username = '';
    page.password = '';
  }
  return page;
}

/** Adds what the page's address says to `route` and `url`; what it does not say is left out. */
export function addPage(page: URL, route: Fields, url: Fields): void {
  const { hostname, pathname, search, hash, protocol } = page;
  if (hostname !== '') {
    route['domain'] = flatText(hostname);
  }
  const path = flatText(pathname);
  if (path !== '') {
    route['path'] = path;
  }
  const fullPath = search === '' && hash === '' ? path : [path, search, hash].join('');
  if (fullPath !== '') {
    route['fullPath'] = fullPath;
  }
  if (hash !== '') {
    route['hash'] = flatText(hash);
  }
  route['protocol'] = protocol.slice(0, -1);
  if (search !== '') {
    const rawQuery = flatText(search.slice(1));
    url['raw_query'] = rawQuery;
    // The parser leaves ASCII only: a character is a byte.
    url['query_size'] = rawQuery.length;
    const query = parseQuery(rawQuery);
    route['query'] = firstValues(query);
    addCampaign(url, query);
  }
  // Where the query has none: the path of an application in one page has a query of its own.
  if (hash.includes('=')) {
    addCampaign(url, parseQuery(hash.slice(Math.max(1, hash.indexOf('?') + 1))));
  }
}

/**
 * What the query of a request to `/collect` says, for the `url` of its events.
 * @param rawQuery as it was sent, without `?`
 */
export function urlOfQuery(rawQuery: string, sanitizer: Sanitizer | undefined): Fields | undefined {
  let query = rawQuery;
  if (query.length > MAX_REQUEST_QUERY) {
    query = query.slice(0, Math.max(0, query.lastIndexOf('&', MAX_REQUEST_QUERY)));
  }
  if (query === '') {
    return undefined;
  }
  const url = completedUrl({ raw_query: query }, undefined) as Fields;
  return sanitizer === undefined
    ? url
    : (compact('url', sanitizer.event({ url })['url']) as Fields | undefined);
}

/**
 * A client's `url` with what its `raw_query` says besides, the same value when there is nothing.
 * @param fallback stands where `url` has neither a query nor a campaign
 */
export function completedUrl(url: unknown, fallback: Fields | undefined): unknown {
  if ((url ?? undefined) === undefined) {
    return fallback;
  }
  if (!isFields(url)) {
    return url;
  }
  const rawQuery = url['raw_query'] ?? '';
  if (typeof rawQuery !== 'string') {
    return url;
  }
  const plain = withoutQuestionMark(rawQuery);
  const said = hasCampaign(url);
  if (plain === '') {
    return said || fallback === undefined ? url : { ...url, ...fallback };
  }
  const isSized = plain === rawQuery && (url['query_size'] ?? undefined) !== undefined;
  if (said && isSized) {
    return url;
  }
  const copy: Fields = { ...url, raw_query: plain };
  if (!isSized) {
    copy['query_size'] = Buffer.byteLength(plain);
  }
  if (!said) {
    addCampaign(copy, parseQuery(plain));
  }
  return copy;
}

/** Two addresses of one page have the same. */
export function withoutHash(address: string): string {
  const hashAt = address.indexOf('#');
  return hashAt === -1 ? address : address.slice(0, hashAt);
}

function firstValues(query: Query): Fields {
  const values: Fields = {};
  for (const [name, value] of query) {
    setField(values, name, firstOf(value));
  }
  return values;
}
