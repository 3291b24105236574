import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Whether that is what an `Authorization` header holds (RFC 6750, 2.1). How long it takes tells nothing
 * about the token, nor about its length: digests are compared.
 */
export function hasBearerToken(authorization: string | undefined, token: string): boolean {
  return isToken(/^Bearer +(?<token>\S+) *$/i.exec(authorization ?? '')?.groups?.['token'], token);
}

/** The same for the password that a browser asks for (RFC 7617); the name does not matter. */
export function hasTokenAsPassword(authorization: string | undefined, token: string): boolean {
  const given = /^Basic +(?<pair>\S+) *$/i.exec(authorization ?? '')?.groups?.['pair'];
  const pair = Buffer.from(given ?? '', 'base64').toString();
  return isToken(/^[^:]*:(?<password>.*)$/s.exec(pair)?.groups?.['password'], token);
}

function isToken(given: string | undefined, token: string): boolean {
  return timingSafeEqual(digest(given ?? ''), digest(token)) && given !== undefined;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
