import { settings } from './settings.js';

/** Where events go. Read each time: a page of the Go service may say it after the client has loaded. */
export function endpoint(): URL {
  const said = settings.endpoint || window.GO_TRACK_URL;
  return new URL(said || 'collect', said ? document.baseURI : settings.base || document.baseURI);
}

/**
 * An address with what is said of a request, in its query: a header of ours would cost a preflight, which page end has
 * no time for.
 */
export function addressed(url: URL, signature?: string): string {
  const query = url.searchParams;
  query.set('gt_sent_at', String(Date.now()));
  if (settings.key) {
    query.set('gt_key', settings.key);
  }
  if (signature) {
    query.set('gt_hmac', signature);
  }
  return url.href;
}
