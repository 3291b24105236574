import { HttpError } from '../../http/errors.js';

/** `json`: an object or an array of them. `ndjson`: an object a line. */
export type BodyForm = 'json' | 'ndjson';

/** `text/plain` is what a page can send without a preflight. */
const forms = new Map<string, BodyForm>([
  ['application/json', 'json'],
  ['text/plain', 'json'],
  ['application/x-ndjson', 'ndjson'],
]);

const charsetParameter = /;\s*charset\s*=\s*"?(?<charset>[^\s";]*)/i;

/**
 * What a Content-Type (RFC 9110, 8.3) says that the body holds; without one it is JSON.
 * @throws HttpError another type, or another charset than UTF-8
 */
export function bodyForm(contentType: string | undefined): BodyForm {
  if (contentType === undefined || contentType.trim() === '') {
    return 'json';
  }
  const [type = ''] = contentType.split(';', 1);
  const form = forms.get(type.trim().toLowerCase());
  const charset = charsetParameter.exec(contentType)?.groups?.['charset'] ?? 'utf-8';
  if (form === undefined || !/^utf-?8$/i.test(charset)) {
    throw new HttpError('GT_UNSUPPORTED_MEDIA_TYPE');
  }
  return form;
}
