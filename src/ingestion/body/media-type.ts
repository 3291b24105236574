import { HttpError } from '../../http/errors.js';

/** `json`: an object or an array of them. `ndjson`: an object a line. */
export type BodyForm = 'json' | 'ndjson';

/** `text/plain` is what a page can send without a preflight. */
const forms = new Map<string, BodyForm>([
  ['application/json', 'json'],
  ['text/plain', 'json'],
  ['application/x-ndjson', 'ndjson'],
]);

const charsets: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', '']);

/** A name and its value, which may be a quoted string (RFC 9110, 5.6.6). What else stands before the next `;` is passed over. */
const parameter =
  /;\s*(?:(?<name>[^\s;="]+)\s*=\s*(?:"(?<quoted>(?:[^"\\]|\\.)*)"|"?(?<token>[^\s;"]*)))?[^;]*/gsy;

/**
 * What a Content-Type (RFC 9110, 8.3) says that the body holds; without one it is JSON.
 * @throws HttpError another type, or another charset than UTF-8 and what it contains
 */
export function bodyForm(contentType: string | undefined): BodyForm {
  if (contentType === undefined || contentType.trim() === '') {
    return 'json';
  }
  const plain = forms.get(contentType);
  if (plain !== undefined) {
    return plain;
  }
  const [type = ''] = contentType.split(';', 1);
  const form = forms.get(type.trim().toLowerCase());
  if (form === undefined || !charsets.has(charsetOf(contentType.slice(type.length)))) {
    throw new HttpError('GT_UNSUPPORTED_MEDIA_TYPE');
  }
  return form;
}

/** The first `charset`, in lower case; empty when there is none. */
function charsetOf(parameters: string): string {
  for (const { groups } of parameters.matchAll(parameter)) {
    if (groups?.['name']?.toLowerCase() === 'charset') {
      const value = groups['quoted']?.replaceAll(/\\(.)/gs, '$1') ?? groups['token'] ?? '';
      return value.trim().toLowerCase();
    }
  }
  return '';
}
