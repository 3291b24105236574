import type { IncomingHttpHeaders } from 'node:http';

/** Characters that are looked at. The longest that a browser sends is below 300. */
const MAX_LENGTH = 512;

/** A string of an RFC 8941 structured field. */
const QUOTED = /"((?:[^"\\]|\\.)*)"/;
/** A brand and its version, as `Sec-CH-UA` lists them. */
const BRAND = /"((?:[^"\\]|\\.)*)"\s*;\s*v\s*=\s*"([^"]*)"/g;
/** Browsers add one that stands for nothing, so that nobody refuses names that they do not know. */
const GREASE = /not.*brand|placeholder/i;

export interface Brand {
  readonly name: string;
  readonly version: string;
}

/** The text of a header, cut; empty when there is none. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return value === undefined ? '' : cut(typeof value === 'string' ? value : value.join(', '));
}

function cut(text: string): string {
  return text.length > MAX_LENGTH ? text.slice(0, MAX_LENGTH) : text;
}

/** The brands of `Sec-CH-UA` or `Sec-CH-UA-Full-Version-List`, without those that stand for nothing. */
export function brandsOf(list: string): Brand[] {
  return Array.from(list.matchAll(BRAND), ([, name = '', version = '']) => ({
    name: name.replaceAll(/\\(.)/g, '$1').trim(),
    version,
  })).filter(({ name }) => name !== '' && !GREASE.test(name));
}

/** The text of a hint such as `Sec-CH-UA-Platform: "Windows"`; empty when it has none. */
export function hintText(value: string): string {
  return QUOTED.exec(value)?.[1] ?? '';
}
