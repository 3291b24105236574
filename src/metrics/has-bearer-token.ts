import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Whether that is what an `Authorization` header holds (RFC 6750, 2.1). How long it takes tells nothing
 * about the token, nor about its length: digests are compared.
 */
export function hasBearerToken(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(?<token>\S+) *$/i.exec(authorization ?? '')?.groups?.['token'];
  return timingSafeEqual(digest(given ?? ''), digest(token)) && given !== undefined;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
