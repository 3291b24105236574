import { parse as parseQuery } from 'node:querystring';
import { addCampaignValue, campaignField } from './campaign.js';
import { type Fields, setField } from './fields.js';

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
    const query = firstValues(rawQuery);
    route['query'] = query;
    for (const name in query) {
      const field = campaignField(name);
      if (field !== undefined) {
        addCampaignValue(url, field, query[name] as string);
      }
    }
  }
}

/** Two addresses of one page have the same. */
export function withoutHash(address: string): string {
  const hashAt = address.indexOf('#');
  return hashAt === -1 ? address : address.slice(0, hashAt);
}

/** Decoded, the first of a repeated name: as `URLSearchParams` gives them, in a third of its time. */
function firstValues(rawQuery: string): Record<string, string> {
  const all = parseQuery(rawQuery, '&', '=', { maxKeys: 0 });
  const values: Record<string, string> = {};
  for (const name in all) {
    const value = all[name];
    setField(values, name, typeof value === 'object' ? value[0] : value);
  }
  return values;
}
