import type { IncomingHttpHeaders } from 'node:http';
import { firstNotEmpty, parseQuery } from '../../event/query.js';

/** Where Segment's and RudderStack's SDKs put the key, beside `Authorization`. */
export function keyOfSegment(headers: IncomingHttpHeaders, query: string): string | undefined {
  return (
    keyOfHeader(headers['x-write-key']) ||
    firstNotEmpty(parseQuery(query).get('writeKey')) ||
    undefined
  );
}

/** Some put a secret of theirs after a colon. */
function keyOfHeader(header: string | string[] | undefined): string {
  return String(header ?? '')
    .split(':', 1)[0]!
    .trim();
}
