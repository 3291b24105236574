import { addCampaign } from './campaign.js';
import { type Fields, setField } from './fields.js';
import { firstOf, parseQuery, type Query } from './query.js';

/** What a browser opens without `//` behind it. Any other may be a host that stands before its port. */
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
    route['domain'] = hostname;
  }
  if (pathname !== '') {
    route['path'] = pathname;
  }
  const fullPath = pathname + search + hash;
  if (fullPath !== '') {
    route['fullPath'] = fullPath;
  }
  if (hash !== '') {
    route['hash'] = hash;
  }
  route['protocol'] = protocol.slice(0, -1);
  if (search !== '') {
    const rawQuery = search.slice(1);
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

/** Two addresses of one page have the same. */
export function withoutHash(address: string): string {
  const hashAt = address.indexOf('#');
  return hashAt === -1 ? address : address.slice(0, hashAt);
}

function firstValues(query: Query): Fields {
  const values: Fields = {};
  for (const name in query) {
    setField(values, name, firstOf(query[name]));
  }
  return values;
}
